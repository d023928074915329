#!/bin/sh
# SPDX-License-Identifier: MIT
# The Python binding: with NumPy where it is installed, and without.
. tests/tap.inc
case $BUILD in
*san-*) echo "nothing to check: Python is not built with sanitizers"; finish; exit ;;
esac
export JR2_LIBRARY="$PWD/$BUILD/libjr2.so.0"
case $BUILD in
/*) JR2_LIBRARY="$BUILD/libjr2.so.0" ;;
esac
export PYTHONDONTWRITEBYTECODE=1
check "without NumPy" python3 tests/binding.py --without-numpy
check "as installed" python3 tests/binding.py
finish
