#!/bin/sh
# SPDX-License-Identifier: MIT
# The jr2 program with the tiny weights: options, outputs, exit codes, bad input. tests/data/red.png is a red disc on blue.
. tests/tap.inc
jr2=$BUILD/jr2
tiny="--model tests/data/tiny"
out=$scratch/out
red=tests/data/red.png

code() { # expected exit code, command...
    want=$1
    shift
    "$@" >"$scratch/stdout" 2>"$scratch/stderr"
    got=$?
    cat "$scratch/stdout" "$scratch/stderr"
    [ "$got" -eq "$want" ] || { echo "exit code $got, not $want"; return 1; }
}

says() { # text, file: it is there
    grep -q -e "$1" "$2" || { echo "no \"$1\" in:"; cat "$2"; return 1; }
}

only() { # the folder out holds exactly these files, none of them empty
    ls -A "$out" >"$scratch/list"
    printf '%s\n' "$@" | sort >"$scratch/want"
    LC_ALL=C sort "$scratch/list" | diff - "$scratch/want" || return 1
    for f in "$@"; do [ -s "$out/$f" ] || { echo "$f is empty"; return 1; }; done
}

run_and_only() { # files -- arguments of reconstruct
    files=""
    while [ "$1" != -- ]; do files="$files $1"; shift; done
    shift
    rm -rf "$out"
    code 0 "$jr2" reconstruct $tiny -o "$out" "$@" && only $files
}

json_faces() { # file, number of faces
    [ "$(grep -o '"confidence"' "$1" | wc -l)" -eq "$2" ] || { echo "not $2 faces"; return 1; }
    says '"format":"jr2.reconstruction"' "$1"
}

help() { code 0 "$jr2" "$@" && says usage: "$scratch/stdout" && [ ! -s "$scratch/stderr" ]; }
usage() { code 2 "$jr2" "$@" && [ -s "$scratch/stderr" ] && [ ! -s "$scratch/stdout" ]; }

check "no argument" usage
check "--help" help --help
check "help of reconstruct" help reconstruct --help
check "help of info" help info -h
check "help of bench" help bench --help
check "--version" code 0 "$jr2" --version
check "unknown command" usage frobnicate
check "unknown option" usage reconstruct $red --frob
check "option without value" usage reconstruct $red -o
check "bad number" usage reconstruct $red --max-faces many
check "number out of range" usage reconstruct $red --max-faces 0
check "fraction for a whole number" usage reconstruct $red --threads 1.5
check "small texture" usage reconstruct $red --texture 17
check "NaN" usage reconstruct $red --focal nan
check "unknown kind" usage reconstruct $red --only json,gltf
check "no picture" usage reconstruct -o "$out"
check "info takes no file" usage info x

check "info" code 0 "$jr2" info $tiny
check "info says what is there" says 'coarse *yes' "$scratch/stdout"
check "no weights" code 3 "$jr2" info --model /no/such/folder
check "no weights, reconstruct" code 3 "$jr2" reconstruct $red --model README.md -o "$out"

check "default files" run_and_only red.glb red.json red.png -- $red
check "json" json_faces "$out/red.json" 1
check "progress" says '\[1/1\]' "$scratch/stderr"
check "quiet" run_and_only red.json -- $red --only json -q
check "quiet is quiet" test ! -s "$scratch/stderr"
check "every kind" run_and_only red.glb red.json red.mtl red.obj red.ply red.png red_texture.png -- $red --only=json,glb,obj,ply,png
check "no texture" run_and_only red.obj -- $red --only obj --texture 0
check "two faces" run_and_only two-2.ply two.json two.ply -- tests/data/two.png --only json,ply
check "two faces in json" json_faces "$out/two.json" 2
check "one of two" run_and_only two.json two.ply -- tests/data/two.png --only json,ply --max-faces 1
check "same names" run_and_only red.json red_2.json -- $red ./$red --only json
check "double dash" run_and_only red.json -- --only json -- $red
cp $red "$scratch/-dash.png"
check "operands after --" sh -c "cd '$scratch' && '$PWD/$jr2' reconstruct --model '$PWD/tests/data/tiny' -o dash --only json -- -dash.png && test -s dash/-dash.json"
check "standard input" sh -c "'$jr2' reconstruct $tiny -o '$out/in' --only json - <$red && test -s '$out/in/stdin.json'"
check "same output twice" sh -c "'$jr2' reconstruct $tiny -o '$out/a' $red -q && '$jr2' reconstruct $tiny -o '$out/b' $red -q --threads 3 && diff -r '$out/a' '$out/b'"
check "no face" run_and_only none.json none.png -- tests/data/none.png
check "no face is said" says 'no face' "$scratch/stderr"
check "no face in json" json_faces "$out/none.json" 0

rm -rf "$out"
check "some input fails" code 1 "$jr2" reconstruct $tiny -o "$out" README.md $red no-such.png --only json
check "the rest is done" only red.json
check "and it says which" says 'README.md: not a picture' "$scratch/stderr"
check "and which is missing" says 'no-such.png: No such file' "$scratch/stderr"
: >"$scratch/empty.jpg"
check "empty file" code 1 "$jr2" reconstruct $tiny -o "$out" "$scratch/empty.jpg"
head -c 3000 examples/astronaut.jpg >"$scratch/cut.jpg"
check "cut file does not crash" sh -c "'$jr2' reconstruct $tiny -o '$out' '$scratch/cut.jpg'; test \$? -le 1"
check "folder is a file" code 1 "$jr2" reconstruct $tiny -o $red $red
rm -rf "$out"
mkdir -p "$out"
ln -s /dev/full "$out/red.json"
check "full disk" code 1 "$jr2" reconstruct $tiny -o "$out" $red --only json,ply
check "full disk is said" says 'red.json: .*[Nn]o space' "$scratch/stderr"
check "the other file is there" test -s "$out/red.ply"
check "closed standard output" sh -c "'$jr2' --help >/dev/full; test \$? -eq 1"
check "bench" code 0 "$jr2" bench $tiny $red --runs 2
check "bench of a reenactment without a network" code 1 "$jr2" bench $tiny $red --reenact --runs 2
check "bench of a reenactment without a picture" code 2 "$jr2" bench $tiny --reenact
check "bench without a picture" code 0 "$jr2" bench $tiny --runs 2 --threads 2
finish
