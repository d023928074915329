#!/bin/sh
# SPDX-License-Identifier: MIT
# The program that times a network answers as many numbers as the network has, and refuses inputs of another size.
. tests/tap.inc
program=$BUILD/time_network
inputs=$(((3 * 3 * 64 * 64 + 3072 + 230) * 4)) # the expression network: three crops of 64 x 64, 3072 and 230 numbers
run() { # bytes of the inputs
    head -c "$1" /dev/zero >"$scratch/x" && "$program" weights/expression.jr2w 64 64 1 "$scratch/x" "$scratch/y" >"$scratch/said" 2>"$scratch/error"
}
printed() { awk 'NF == 2 && $1 >= $2 && $2 > 0 { good = 1 } END { exit !good }' "$scratch/said"; }
outputs() { [ "$(wc -c <"$scratch/y")" -eq $((1640 * 4)) ]; }
refuses() {
    rm -f "$scratch/y"
    run "$1"
    [ $? -eq 1 ] && grep -q "does not hold" "$scratch/error" && [ ! -e "$scratch/y" ]
}
no_file() { "$program" "$scratch/none.jr2w" 64 64 1 "$scratch/x" "$scratch/y" 2>&1 | grep -q none.jr2w; }
check "runs" run "$inputs"
check "median and least time" printed
check "1640 numbers" outputs
check "too few inputs" refuses $((inputs - 4))
check "too many inputs" refuses $((inputs + 4))
check "no inputs" refuses 0
check "no file" no_file
check "usage" sh -c "'$program' weights/expression.jr2w; test \$? -eq 2"
finish
