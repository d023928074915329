# SPDX-License-Identifier: MIT
# Seed: every folder's sources are found by wildcard.
CC ?= cc
all:
	@echo seed
