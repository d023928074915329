#!/bin/sh
# SPDX-License-Identifier: MIT
# jr2 mark: marking, checking, metadata, exit codes, bad input. Videos are tried where ffmpeg is installed.
. tests/tap.inc
jr2=$BUILD/jr2
photo=examples/astronaut.jpg

code() { # expected exit code, command...
    want=$1
    shift
    "$@" >"$scratch/stdout" 2>"$scratch/stderr"
    got=$?
    cat "$scratch/stdout" "$scratch/stderr"
    [ "$got" -eq "$want" ] || { echo "exit code $got, not $want"; return 1; }
}
says() { grep -q -e "$1" "$2" || { cat "$2"; return 1; }; }
usage() { code 2 "$jr2" mark "$@" && [ -s "$scratch/stderr" ] && [ ! -s "$scratch/stdout" ]; }

check "help" code 0 "$jr2" mark --help
check "no argument" usage
check "no file" usage --check
check "nothing to do" usage $photo
check "two things to do" usage --check $photo -o "$scratch/x.png"
check "two pictures into one" usage $photo $photo -o "$scratch/x.png"
check "unknown option" usage --check --frob $photo
check "unknown source" usage --metadata --source camera $photo
check "metadata of none" usage --metadata --source none $photo
for r in 1,2,3 1,2,3,4x 0,0,-5,70 0,0,0,0 a,b,c,d ,,,; do
    check "rectangle $r" usage $photo -o "$scratch/x.png" --rectangle "$r"
done
check "rectangle outside" code 1 "$jr2" mark $photo -o "$scratch/x.png" --rectangle 400,400,300,300
check "nothing was written" test ! -e "$scratch/x.png"

check "an unmarked photo" code 4 "$jr2" mark --check $photo
check "says so" says 'not marked.*metadata none' "$scratch/stdout"
check "mark" code 0 "$jr2" mark $photo -o "$scratch/marked.png"
check "is marked" code 0 "$jr2" mark --check "$scratch/marked.png"
check "both marks are said" says 'pixels marked.*metadata compositeWithTrainedAlgorithmicMedia' "$scratch/stdout"
check "from standard input" sh -c "'$jr2' mark --check - <'$scratch/marked.png' | grep -q 'pixels marked'"
check "one of two is not marked" code 4 "$jr2" mark --check $photo "$scratch/marked.png"
check "one of two cannot be read" code 1 "$jr2" mark --check no-such.png "$scratch/marked.png"
check "the other is still checked" says 'pixels marked' "$scratch/stdout"
check "trained" sh -c "'$jr2' mark $photo -o '$scratch/t.png' --source trained && '$jr2' mark --check '$scratch/t.png' | grep -q 'metadata trainedAlgorithmicMedia'"
check "no metadata" sh -c "'$jr2' mark $photo -o '$scratch/n.png' --source none && '$jr2' mark --check '$scratch/n.png' | grep -q 'pixels marked.*metadata none'"
check "a part" sh -c "'$jr2' mark $photo -o '$scratch/p.png' --rectangle 30,40,300,300 && '$jr2' mark --check '$scratch/p.png' | grep -q 'pixels marked'"
cp $photo "$scratch/photo.jpg"
check "metadata of a JPEG" code 0 "$jr2" mark --metadata "$scratch/photo.jpg"
check "is enough" code 0 "$jr2" mark --check "$scratch/photo.jpg"
check "and is said" says 'not marked.*metadata composite' "$scratch/stdout"
check "the JPEG is still a picture" sh -c "'$jr2' mark '$scratch/photo.jpg' -o '$scratch/j.png' --source none && cmp '$scratch/j.png' '$scratch/n.png'"
check "a text" code 1 "$jr2" mark --check README.md
check "metadata of a text" code 1 "$jr2" mark --metadata README.md
check "folder" code 1 "$jr2" mark $photo -o /no/such/folder/x.png
check "the photo is too small" sh -c "'$jr2' mark --check tests/data/red.png; test \$? -eq 0 -o \$? -eq 4"
mkdir "$scratch/empty"
check "no ffmpeg" code 1 /usr/bin/env PATH="$scratch/empty" "$jr2" mark --check README.md
check "is said" says 'need the ffmpeg program' "$scratch/stderr"

if command -v ffmpeg >/dev/null 2>&1; then
    video() { # picture, output, options
        ffmpeg -v error -nostdin -y -loop 1 -i "$1" -t 1 -pix_fmt yuv420p $3 "$2"
    }
    check "make a video" video "$scratch/marked.png" "$scratch/v.mp4" "-c:v mpeg4 -q:v 3"
    check "its pixels are marked" code 0 "$jr2" mark --check "$scratch/v.mp4"
    check "and its metadata" sh -c "'$jr2' mark --metadata '$scratch/v.mp4' --source trained && '$jr2' mark --check '$scratch/v.mp4' | grep -q 'pixels marked.*metadata trained'"
    check "it still plays" ffmpeg -v error -nostdin -xerror -i "$scratch/v.mp4" -f null -
    check "an unmarked video" sh -c "ffmpeg -v error -nostdin -y -f lavfi -i testsrc=d=1 '$scratch/u.mp4'; '$jr2' mark --check '$scratch/u.mp4'; test \$? -eq 4"
    head -c 2000 "$scratch/v.mp4" >"$scratch/cut.mp4"
    check "a cut video" code 1 "$jr2" mark --check "$scratch/cut.mp4"
fi
finish
