#!/bin/sh
# SPDX-License-Identifier: MIT
# What the writers write, read back by Python's standard library.
. tests/tap.inc
program=$(ls -t "$BUILD"/obj/*/tests/test_formats "$(dirname "$BUILD")"/obj/*/tests/test_formats 2>/dev/null | head -n 1)
if [ -n "$program" ] && command -v python3 >/dev/null; then
    check "exports read back" python3 tests/check_formats.py "$program"
else
    check "test_formats is built and python3 is installed" false
fi
finish
