#!/bin/sh
# SPDX-License-Identifier: MIT
# jr2 track and jr2 stream with tiny weights and videos made here: motion files, overlays, stops, cut videos, packets, wrong usage.
. tests/tap.inc
jr2=$BUILD/jr2
tiny=$scratch/tiny
mkdir "$tiny"
cp tests/data/tiny/head.jr2w tests/data/tiny/coarse.jr2w "$tiny"
cp tests/data/near_find.jr2w "$tiny/find.jr2w" # takes red discs 28 pixels wide for faces
model="--model $tiny"

code() { # expected exit code, command...
    want=$1
    shift
    "$@" >"$scratch/stdout" 2>"$scratch/stderr"
    got=$?
    cat "$scratch/stderr"
    [ "$got" -eq "$want" ] || { echo "exit code $got, not $want"; return 1; }
}

says() { # text, file: it is there
    grep -q -e "$1" "$2" || { echo "no \"$1\" in:"; head -c 2000 "$2"; return 1; }
}

usage() { code 2 "$jr2" "$@" && [ -s "$scratch/stderr" ] && [ ! -s "$scratch/stdout" ]; }
help() { code 0 "$jr2" "$@" && says usage: "$scratch/stdout" && [ ! -s "$scratch/stderr" ]; }
frames() { # file, expected number of lines of frames
    [ "$(grep -c '^{"frame"' "$1")" -eq "$2" ] || { echo "$(grep -c '^{"frame"' "$1") frames, not $2"; return 1; }
}
video_frames() { ffmpeg -v error -i "$1" -map 0:v:0 -f framemd5 - | grep -vc '^#'; }

# Thirty frames with a disc, the same without, and one of an odd size.
disc() { # size, frames, file: a disc at a quarter of the width
    ffmpeg -v error -y -f lavfi -i "color=0x1450DC:s=$1:r=25" -f lavfi -i "color=0xFA500A:s=28x28:r=25,format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(hypot(X-13.5,Y-13.5),14)'" \
        -filter_complex "[0]format=rgb24[a];[a][1]overlay=x=80:y=100:format=rgb" -frames:v "$2" -c:v png -pix_fmt rgb24 "$3"
}

check "help of track" help track --help
check "help of stream" help stream -h
check "no video" usage track -o "$scratch/x"
check "nothing to do" usage track a.mp4
check "two videos" usage track a.mp4 b.mp4 -o "$scratch/x"
check "bad lag" usage track a.mp4 -o "$scratch/x" --lag 2000
check "bad range" usage track a.mp4 -o "$scratch/x" --calibrate-range 0
check "bad number of faces" usage track a.mp4 -o "$scratch/x" --max-faces 17
check "unknown option" usage track a.mp4 --frob
check "nowhere to send to" usage stream a.mp4
check "nothing to stream" usage stream --vmc localhost
check "no weights" code 3 "$jr2" track a.mp4 -o "$scratch/x" --model /no/such
check "no such video" code 1 "$jr2" track no-such.mp4 -o "$scratch/x" $model
check "no camera" code 1 "$jr2" track camera:99 -o "$scratch/x" $model
check "without ffmpeg" sh -c "PATH=/nonexistent '$jr2' track README.md -o '$scratch/x' $model 2>'$scratch/stderr'; test \$? -eq 1"
check "it says so" says 'ffmpeg program' "$scratch/stderr"

check "a video to test with" disc 320x240 30 "$scratch/disc.mkv"
check "not a video" code 1 "$jr2" track README.md -o "$scratch/x" $model
check "track" code 0 "$jr2" track "$scratch/disc.mkv" -o "$scratch/a.jsonl" $model
check "a line a frame" frames "$scratch/a.jsonl" 30
check "header" says '^{"format":"jr2.motion","version":1,"rate":25,"width":320,"height":240,' "$scratch/a.jsonl"
check "the face" says '^{"frame":29,"time":1.16,"faces":\[{"id":1,' "$scratch/a.jsonl"
check "summary" says '30 frames, 30 with a face' "$scratch/stderr"
check "the same from a pipe" sh -c "'$jr2' track - -o - -q $model <'$scratch/disc.mkv' | cmp - '$scratch/a.jsonl'"
check "binary" code 0 "$jr2" track "$scratch/disc.mkv" -o "$scratch/a.jr2m" $model -q
check "quiet is quiet" test ! -s "$scratch/stderr"
check "binary is small" test "$(wc -c <"$scratch/a.jr2m")" -lt "$(($(wc -c <"$scratch/a.jsonl") / 3))"
check "some frames" code 0 "$jr2" track "$scratch/disc.mkv" -o "$scratch/b.jsonl" $model --frames 7
check "so many" frames "$scratch/b.jsonl" 7
check "overlay" code 0 "$jr2" track "$scratch/disc.mkv" --overlay "$scratch/o.mp4" $model
check "overlay has every frame" test "$(video_frames "$scratch/o.mp4")" -eq 30
check "person" code 0 "$jr2" track "$scratch/disc.mkv" -o "$scratch/b.jsonl" --person "$scratch/p" --calibrate $model
check "person is kept" test -s "$scratch/p"
check "longer" disc 320x240 60 "$scratch/long.mkv"
check "range" code 0 "$jr2" track "$scratch/long.mkv" -o "$scratch/b.jsonl" --calibrate-range 1 $model
strong() { sed -n "$1s/.*\"arkit\":{\([^}]*\)}.*/\1/p" "$scratch/b.jsonl" | grep -q ':0\.9\|:1'; }
not_strong() { ! strong "$1"; }
check "nothing is strong before it" not_strong 10
check "what is strongest reads as 1 after it" strong 61
check "person again" code 0 "$jr2" track "$scratch/disc.mkv" -o "$scratch/b.jsonl" --person "$scratch/p" $model
echo junk >"$scratch/junk"
check "bad person" code 1 "$jr2" track "$scratch/disc.mkv" -o "$scratch/b.jsonl" --person "$scratch/junk" $model
check "view" code 0 "$jr2" track "$scratch/disc.mkv" --view --frames 3 $model
check "view shows names" says 'eyeBlinkLeft' "$scratch/stderr"
check "full disk" code 1 "$jr2" track "$scratch/disc.mkv" -o /dev/full $model
check "output cannot be made" code 1 "$jr2" track "$scratch/disc.mkv" -o "$scratch/no/such/folder" $model
check "overlay cannot be made" code 1 "$jr2" track "$scratch/disc.mkv" --overlay "$scratch/no/such/o.mp4" $model
check "odd size" sh -c "ffmpeg -v error -y -i '$scratch/disc.mkv' -vf crop=319:239:0:0 -c:v png '$scratch/odd.mkv'"
check "odd overlay" code 0 "$jr2" track "$scratch/odd.mkv" --overlay "$scratch/o.mp4" $model
head -c $(($(wc -c <"$scratch/disc.mkv") / 2)) "$scratch/disc.mkv" >"$scratch/cut.mkv"
check "cut video does not crash" sh -c "'$jr2' track '$scratch/cut.mkv' -o '$scratch/c.jsonl' $model -q 2>/dev/null; test \$? -le 1 && test \$(wc -l <'$scratch/c.jsonl') -gt 5"

# An endless video, stopped: the program ends by itself and what it wrote is whole.
endless() {
    mkfifo "$scratch/fifo"
    ffmpeg -v quiet -f lavfi -i color=red:s=96x96:r=25 -f nut -c:v rawvideo -y "$scratch/fifo" </dev/null &
    feeder=$!
    "$jr2" track - -o "$scratch/s.jsonl" --overlay "$scratch/s.mp4" $model -q <"$scratch/fifo" &
    tracker=$!
    while [ "$(wc -l <"$scratch/s.jsonl" 2>/dev/null || echo 0)" -lt 9 ]; do sleep 0.2; done
    kill -TERM $tracker
    wait $tracker
    got=$?
    kill $feeder 2>/dev/null
    [ $got -eq 0 ] || { echo "exit code $got"; return 1; }
}
check "endless" endless
check "stopped: whole lines" sh -c "tail -n 1 '$scratch/s.jsonl' | grep -q '}\$'"
check "stopped: as many frames" test "$(video_frames "$scratch/s.mp4")" -eq "$(grep -c '^{"frame"' "$scratch/s.jsonl")"

# Packets: an independent receiver counts and looks at them.
cat >"$scratch/receive.py" <<'PY'
import socket, struct, sys
socks = []
for _ in range(4):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(20)
    socks.append(s)
sys.stdout.write(" ".join(str(s.getsockname()[1]) for s in socks) + "\n")
sys.stdout.flush()
got = [[s.recv(65536) for _ in range(10)] for s in socks]
assert all(p.startswith(b"#bundle\0") and b"/VMC/Ext/Blend/Apply\0" in p for p in got[0])
assert all(p[0] == 6 and struct.unpack(">i3s", p[8:15]) == (3, b"Ann") and len(p) == 276 for p in got[1])
assert all(p.decode().count("|") == 55 and "=head#" in p.decode() for p in got[2])
assert all(len(p) == 1785 and struct.unpack("<i", p[8:12])[0] == 1 for p in got[3])
times = [struct.unpack("<d", p[:8])[0] for p in got[3]]
assert times == sorted(times) and abs(times[-1] - times[0] - 9 / 25) < 1e-6, times
PY
packets() { # source
    rm -f "$scratch/ports"
    python3 "$scratch/receive.py" >"$scratch/ports" &
    receiver=$!
    until [ "$(wc -l <"$scratch/ports" 2>/dev/null || echo 0)" -eq 1 ]; do sleep 0.1; done
    read -r a b c d <"$scratch/ports"
    "$jr2" stream "$1" --vmc 127.0.0.1:"$a" --live-link 127.0.0.1:"$b" --name Ann --ifacialmocap 127.0.0.1:"$c" --openseeface 127.0.0.1:"$d" $model --frames 10 || return 1
    wait $receiver
}
check "stream a video" packets "$scratch/disc.mkv"
check "stream lines" packets "$scratch/a.jsonl"
check "stream bytes" packets "$scratch/a.jr2m"
check "stream to nobody" code 0 "$jr2" stream "$scratch/a.jsonl" --vmc 127.0.0.1:9 --fast $model
check "unknown host" code 1 "$jr2" stream "$scratch/a.jsonl" --vmc no-such-host.invalid $model
echo '{"format":"jr2.motion","version":1}
{"time":NaN}' >"$scratch/nan.jsonl"
check "NaN in a motion file" code 1 "$jr2" stream "$scratch/nan.jsonl" --vmc 127.0.0.1:9 --fast $model
check "it says where" says 'line 2' "$scratch/stderr"
finish
