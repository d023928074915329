#!/bin/sh
# SPDX-License-Identifier: MIT
# The C# binding says the same as the Python binding. Needs mcs and mono (packages mono-mcs, mono-runtime); JR2_NEED_MONO=1: fails without.
. tests/tap.inc
case $BUILD in
*san-*) echo "nothing to check: Mono is not built with sanitizers"; finish; exit ;;
/*) library=$BUILD ;;
*) library=$PWD/$BUILD ;;
esac
if ! command -v mcs >/dev/null || ! command -v mono >/dev/null; then
    [ -z "$JR2_NEED_MONO" ] || check "mcs and mono are installed" false
    echo "skipped: mcs or mono is not installed"
    finish
    exit
fi
export JR2_LIBRARY="$library/libjr2.so.0" PYTHONDONTWRITEBYTECODE=1
cp tests/data/tiny/*.jr2w tests/data/reenact.jr2w "$scratch"
cp tests/data/near_find.jr2w "$scratch/find.jr2w" # finds the faces that the tiny networks see, so that they are tracked
check "C# 6, no warnings" mcs -langversion:6 -warnaserror "-out:$scratch/binding.exe" bindings/csharp/Jr2.cs tests/Binding.cs
said() { LD_LIBRARY_PATH="$library" mono "$scratch/binding.exe" "$scratch" "$scratch/a.glb" >"$scratch/said"; }
check "runs" said
check "what it says" python3 tests/check_csharp.py "$scratch" "$scratch/said"
check "the exported head" cmp "$scratch/a.glb" "$scratch/b.glb"
finish
