#!/bin/sh
# SPDX-License-Identifier: MIT
# jr2 reenact with tiny weights: what drives, what comes out, marks, wrong usage, bad input, stops. Videos are tried where ffmpeg is installed.
. tests/tap.inc
jr2=$BUILD/jr2
tiny=$scratch/tiny
mkdir "$tiny" "$scratch/plain"
cp tests/data/tiny/head.jr2w tests/data/tiny/coarse.jr2w "$tiny"
cp tests/data/near_find.jr2w "$tiny/find.jr2w" # takes red discs 28 pixels wide for faces
cp "$tiny"/* "$scratch/plain"                  # without a reenactment network
cp tests/data/reenact.jr2w "$tiny"
network="--weights $tiny -q"
model="$network --method warp"

# Pictures and motion files, and a look at pictures that shares no code with the program.
cat >"$scratch/tool.py" <<'PY'
import json, struct, sys, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def save(path, width, height, discs):
    state, rows = 1, b""
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            state = (1103515245 * state + 12345) & 0x7FFFFFFF
            inside = any((x - cx) ** 2 + (y - cy) ** 2 < 14 ** 2 for cx, cy in discs)
            row += bytes((250, 80, 10) if inside else (20 + (state >> 16) % 24, 90 + (state >> 21) % 40, 220))
        rows += bytes(row)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))

def chunks(path):
    data, at = open(path, "rb").read(), 8
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body), kind
        yield kind, body
        at += 12 + size
    assert kind == b"IEND" and at == len(data)

def unpack(packed, width, height):
    raw, step, above, out = zlib.decompress(packed), 3, bytes(3 * width), []
    for y in range(height):
        kind, row = raw[y * (3 * width + 1)], bytearray(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(3 * width):
            a, b, c = row[i - 3] if i >= 3 else 0, above[i], above[i - 3] if i >= 3 else 0
            if kind == 4:
                p, q, r = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                row[i] = row[i] + (a if p <= q and p <= r else b if q <= r else c) & 255
            elif kind:
                row[i] = row[i] + (a, b, (a + b) // 2)[kind - 1] & 255
        above = bytes(row)
        out.append(above)
    return out

def load(path):
    parts = list(chunks(path))
    width, height = struct.unpack(">2I", parts[0][1][:8])
    return width, height, unpack(b"".join(d for k, d in parts if k == b"IDAT"), width, height)

def animation(path):
    """Every frame of an animated PNG, composed."""
    parts, sequence, frames, canvas = list(chunks(path)), 0, [], []
    width, height = struct.unpack(">2I", parts[0][1][:8])
    kinds = [k for k, _ in parts]
    assert kinds[0] == b"IHDR" and kinds.count(b"acTL") == 1 and kinds.index(b"acTL") < kinds.index(b"IDAT") and b"fcTL" in kinds
    count = struct.unpack(">2I", dict(parts)[b"acTL"])[0]
    for kind, data in parts:
        if kind in (b"fcTL", b"fdAT"):
            assert struct.unpack(">I", data[:4])[0] == sequence, "numbers of chunks"
            sequence += 1
        if kind == b"fcTL":
            w, h, x, y, top, bottom, dispose, blend = struct.unpack(">4I2H2B", data[4:])
            assert (dispose, blend) == (0, 0) and x + w <= width and y + h <= height
            frames.append([(w, h, x, y, top / bottom), b""])
        elif kind in (b"IDAT", b"fdAT"):
            frames[-1][1] += data if kind == b"IDAT" else data[4:]
    assert count == len(frames), (count, len(frames))
    for (w, h, x, y, delay), packed in frames:
        rows = unpack(packed, w, h)
        canvas = [bytearray(r) for r in canvas] or [bytearray(3 * width) for _ in range(height)]
        for j in range(h):
            canvas[y + j][3 * x:3 * (x + w)] = rows[j]
        yield delay, [bytes(r) for r in canvas]

def difference(a, b):
    assert a[:2] == b[:2], (a[:2], b[:2])
    return sum(abs(p - q) for r, s in zip(a[2], b[2]) for p, q in zip(r, s)) / (3 * a[0] * a[1])

command, args = sys.argv[1], sys.argv[2:]
if command == "pictures":
    save(args[0] + "/one.png", 320, 240, [(94, 114)])
    save(args[0] + "/two.png", 320, 240, [(94, 114), (230, 114)])
    save(args[0] + "/none.png", 320, 240, [])
    save(args[0] + "/small.png", 8, 8, [])
elif command == "motion":
    faces = [{"id": 1, "pose": {"yaw": 4.0 * i, "pitch": 0, "roll": 0}, "arkit": {"jawOpen": 0.08 * i}} for i in range(10)]
    lines = [json.dumps({"frame": i, "time": i / 10, "faces": [f]}) for i, f in enumerate(faces)]
    if args[1:] == ["bad"]:
        lines[3] = '{"frame":3,"time":NaN}'
        faces[5]["arkit"] = {"jawOpen": 7, "jawUp": 0.5}
        lines[5] = json.dumps({"frame": 5, "time": 0.5, "faces": [faces[5]]})
    elif args[1:] == ["lost"]:
        for i in (0, 4, 5):
            lines[i] = json.dumps({"frame": i, "time": i / 10, "faces": []})
        faces[8]["id"] = faces[9]["id"] = 2
        lines[8:] = [json.dumps({"frame": i, "time": i / 10, "faces": [faces[i]]}) for i in (8, 9)]
    elif args[1:] == ["speaking"]:
        lines = [json.dumps({"frame": i, "time": i / 10, "faces": [{"id": 1, "pose": {"yaw": 30, "pitch": 0, "roll": 0}, "arkit": {"jawOpen": 0.9}}]}) for i in range(2)]
    elif args[1:] == ["nobody"]:
        lines = [json.dumps({"frame": i, "time": i / 10, "faces": []}) for i in range(3)]
    open(args[0], "w").write("\n".join(['{"format":"jr2.motion","version":1,"rate":10}'] + lines) + "\n")
elif command == "size":
    assert list(load(args[0])[:2]) == [int(v) for v in args[1:]], load(args[0])[:2]
elif command == "near":
    d = difference(load(args[0]), load(args[1]))
    assert d <= float(args[2]), d
elif command == "far":
    d = difference(load(args[0]), load(args[1]))
    assert d >= float(args[2]), d
elif command == "moved":  # the part of the picture from column a to b has changed
    (w, h, p), (_, _, q) = load(args[0]), load(args[1])
    a, b = int(args[2]), int(args[3])
    d = sum(abs(u - v) for r, s in zip(p, q) for u, v in zip(r[3 * a:3 * b], s[3 * a:3 * b]))
    assert d > 1000, d
elif command == "animation":  # file, frames or "some", rate, folder with the same frames
    found = list(animation(args[0]))
    assert len(found) == int(args[1]) if args[1] != "some" else found, len(found)
    for i, (delay, rows) in enumerate(found):
        assert abs(delay * float(args[2]) - 1) < 1e-3, delay
        if args[3:]:
            assert rows == load("%s/%05d.png" % (args[3], i))[2], i
PY
tool() { python3 "$scratch/tool.py" "$@"; }

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
usage() { code 2 "$jr2" reenact "$@" && [ -s "$scratch/stderr" ] && [ ! -s "$scratch/stdout" ]; }
make() { code 0 "$jr2" reenact "$@" $model; } # portrait, arguments
count() { [ "$(ls "$1" | wc -l)" -eq "$2" ] || { ls "$1"; return 1; }; }

check "the motion of the examples is what its script draws" sh -c "python3 training/make_motion.py '$scratch/own.jr2m' && cmp '$scratch/own.jr2m' examples/motion.jr2m"
check "pictures to test with" tool pictures "$scratch"
check "a motion to test with" tool motion "$scratch/m.jsonl"
one=$scratch/one.png
two=$scratch/two.png
motion=$scratch/m.jsonl
out=$scratch/out.png

check "help" sh -c "'$jr2' reenact --help | grep -q '^usage: jr2 reenact PORTRAIT'"
check "no portrait" usage -o "$out" --yaw 5
check "two portraits" usage "$one" "$two" -o "$out" --yaw 5
check "no output" usage "$one" --yaw 5
check "nothing to do" usage "$one" -o "$out"
check "unknown ending" usage "$one" -o "$scratch/x.gif" --yaw 5
check "bad pattern" usage "$one" -o "$scratch/%s.png" --yaw 5
check "two numbers in a pattern" usage "$one" -o "$scratch/%d%d.png" --yaw 5
check "unknown option" usage "$one" -o "$out" --frob
check "bad motion" usage "$one" -o "$out" --drive "$motion" --motion relativ
check "bad gain" usage "$one" -o "$out" --drive "$motion" --pose-gain 5
check "bad reference" usage "$one" -o "$out" --drive "$motion" --reference -2
check "reference of a pipe" usage "$one" -o "$out" --drive - --reference 2
check "face 0" usage "$one" -o "$out" --yaw 5 --face 0
check "crop of all faces" usage "$one" -o "$out" --yaw 5 --face all --crop
check "each without all" usage "$one" -o "$out" --drive "$motion" --each
check "all faces in one place" usage "$two" -o "$out" --drive "$motion" --face all --motion absolute
check "animated JPEG" usage "$one" -o "$scratch/x.jpg" --drive "$motion" $model
check "no sound of a picture" usage "$one" -o "$scratch/x.mp4" --drive "$motion" --audio source $model
check "no sound of a motion" usage "$one" -o "$scratch/x.mp4" --drive "$motion" --audio driver $model
check "no weights" code 3 "$jr2" reenact "$one" -o "$out" --yaw 5 --weights /no/such
check "no network" code 3 "$jr2" reenact "$one" -o "$out" --yaw 5 --weights "$scratch/plain" --method network
check "unknown name" usage "$one" -o "$out" --set mouthsmile=0.8 $model
check "near names are listed" says 'near ones: .*mouthSmileLeft' "$scratch/stderr"
check "no value" usage "$one" -o "$out" --set jawOpen $model
check "value out of range" usage "$one" -o "$out" --set jawOpen=1.5 $model
check "value that is none" usage "$one" -o "$out" --set jawOpen=nan $model
check "set wants no negative value" usage "$one" -o "$out" --set jawOpen=-0.5 $model
check "nothing was written" test ! -e "$out"

check "still" make "$one" -o "$out" --yaw 20 --set jawOpen=0.8 --set mouthSmile_L=0.9 --add browInnerUp=0.3 --add jawOpen=-0.1
check "its size" tool size "$out" 320 240
check "it moved" tool far "$out" "$one" 0.3
check "it is marked" sh -c "'$jr2' mark --check '$out' | grep -q 'pixels marked.*metadata compositeWithTrainedAlgorithmicMedia'"
check "the network" code 0 "$jr2" reenact "$one" -o "$scratch/n.png" --yaw 20 $network
check "is another picture" sh -c "! cmp -s '$out' '$scratch/n.png'"
check "threads change nothing" sh -c "'$jr2' reenact '$one' -o '$scratch/t.png' --yaw 20 $network --threads 3 && cmp '$scratch/t.png' '$scratch/n.png'"
check "without a network it warps" code 0 "$jr2" reenact "$one" -o "$scratch/p.png" --yaw 20 --weights "$scratch/plain"
check "and says so" says 'only warped' "$scratch/stderr"
check "unmarked" make "$one" -o "$scratch/u.png" --yaw 1e-3 --unmarked
check "it has no mark" sh -c "'$jr2' mark --check '$scratch/u.png' >'$scratch/said'; test \$? -eq 4 && grep -q 'not marked.*metadata none' '$scratch/said'"
check "unmarked and hardly moved" tool near "$scratch/u.png" "$one" 0.05
check "JPEG" make "$one" -o "$scratch/j.jpg" --yaw 20
check "JPEG is marked" sh -c "'$jr2' mark --check '$scratch/j.jpg' | grep -q 'pixels marked.*metadata composite'"
check "crop" make "$one" -o "$scratch/c.png" --yaw 20 --crop
check "its size is 256" tool size "$scratch/c.png" 256 256
check "a limit" make "$one" -o "$scratch/l1.png" --yaw 170 --limit-yaw 10
check "holds" make "$one" -o "$scratch/l2.png" --yaw 90 --limit-yaw 10
check "both stand at it" tool near "$scratch/l1.png" "$scratch/l2.png" 0.01
check "second face" make "$two" -o "$scratch/f2.png" --yaw 25 --face 2
check "third face" code 1 "$jr2" reenact "$two" -o "$scratch/x.png" --yaw 25 --face 3 $model
check "all faces" make "$two" -o "$scratch/fa.png" --yaw 25 --face all --unmarked
check "the left one moved" tool moved "$scratch/fa.png" "$two" 60 130
check "the right one moved" tool moved "$scratch/fa.png" "$two" 195 265
check "a driving picture" make "$one" -o "$scratch/d.png" --drive "$two" --pose-gain 0
check "makes one picture" sh -c "! grep -q acTL '$scratch/d.png'"
check "a driving picture without a face" code 1 "$jr2" reenact "$one" -o "$scratch/x.png" --drive "$scratch/none.png" $model
check "a portrait without a face" code 1 "$jr2" reenact "$scratch/none.png" -o "$scratch/x.png" --yaw 5 $model
check "says so" says 'none.png: no face was found' "$scratch/stderr"
check "a portrait of 8 x 8" code 1 "$jr2" reenact "$scratch/small.png" -o "$scratch/x.png" --yaw 5 $model
check "a portrait that is none" code 1 "$jr2" reenact tests/tap.inc -o "$scratch/x.png" --yaw 5 $model
check "no such portrait" code 1 "$jr2" reenact no-such.png -o "$scratch/x.png" --yaw 5 $model
check "nothing was written for them" test ! -e "$scratch/x.png"

check "numbered frames" make "$one" -o "$scratch/seq/deep/" --drive "$motion"
check "all of them" count "$scratch/seq/deep" 10
check "every frame is marked" code 0 "$jr2" mark --check "$scratch/seq/deep/00000.png" "$scratch/seq/deep/00009.png"
check "a pattern" make "$one" -o "$scratch/pat/f%03d.png" --drive "$motion" --frames 4
check "and so many" sh -c "test -s '$scratch/pat/f003.png' && test ! -e '$scratch/pat/f004.png'"
check "animated PNG" make "$one" -o "$scratch/a.png" --drive "$motion"
check "holds the same frames" tool animation "$scratch/a.png" 10 10 "$scratch/seq/deep"
check "is marked" sh -c "'$jr2' mark --check '$scratch/a.png' | grep -q 'pixels marked.*metadata composite'"
check "half the rate" make "$one" -o "$scratch/h.png" --drive "$motion" --fps 5
check "has half the frames" tool animation "$scratch/h.png" 5 5
check "twice the rate" make "$one" -o "$scratch/h.png" --drive "$motion" --fps 20
check "has twice the frames" tool animation "$scratch/h.png" 19 20
check "the first frame is the portrait" tool near "$scratch/seq/deep/00000.png" "$one" 0.6
check "the last is not" tool far "$scratch/seq/deep/00009.png" "$one" 0.8
check "another reference" make "$one" -o "$scratch/r/" --drive "$motion" --reference 9 --frames 10
check "is the portrait there" tool near "$scratch/r/00009.png" "$scratch/seq/deep/00000.png" 0.02
check "a driver who speaks from the first frame" tool motion "$scratch/speak.jsonl" speaking
check "moves the mouth" make "$one" -o "$scratch/sp/" --drive "$scratch/speak.jsonl" --unmarked
check "at once" tool far "$scratch/sp/00000.png" "$one" 0.1
check "unless told" make "$one" -o "$scratch/sq/" --drive "$scratch/speak.jsonl" --unmarked --reference 0
check "that this is how it looks" tool near "$scratch/sq/00000.png" "$one" 0.02
check "reference beyond the end" code 1 "$jr2" reenact "$one" -o "$scratch/x/" --drive "$motion" --reference 50 $model

check "a motion with NaN and worse" tool motion "$scratch/bad.jsonl" bad
check "is worked through" code 1 "$jr2" reenact "$one" -o "$scratch/bad/" --drive "$scratch/bad.jsonl" --weights "$tiny" --method warp
check "the line is named" says 'bad.jsonl: line 5' "$scratch/stderr"
check "unknown names are counted" says '1 unknown names passed over, 1 values brought into 0 to 1' "$scratch/stderr"
check "every frame is there" count "$scratch/bad" 10
check "a face that goes and another that comes" tool motion "$scratch/lost.jsonl" lost
check "is worked through too" code 0 "$jr2" reenact "$one" -o "$scratch/lost/" --drive "$scratch/lost.jsonl" --weights "$tiny" --method warp
check "and told" says '1 change of person (frame 8), not seen in 3 frames (0, 4-5)' "$scratch/stderr"
check "before the first face it is the portrait" tool near "$scratch/lost/00000.png" "$one" 0.6
check "held while it is gone" cmp "$scratch/lost/00003.png" "$scratch/lost/00005.png"
check "nobody in the motion" tool motion "$scratch/nobody.jsonl" nobody
check "is a failure" code 1 "$jr2" reenact "$one" -o "$scratch/nobody/" --drive "$scratch/nobody.jsonl" $model
check "that is said" says 'no face was found in the driver' "$scratch/stderr"
head -c $(($(wc -c <examples/motion.jr2m) / 2)) examples/motion.jr2m >"$scratch/cut.jr2m"
check "a cut motion" code 1 "$jr2" reenact "$one" -o "$scratch/cut.png" --drive "$scratch/cut.jr2m" $model --fps 5
check "keeps its frames" tool animation "$scratch/cut.png" 13 5
echo '{"format":"jr2.reconstruction"}' >"$scratch/other.json"
check "other JSON" code 1 "$jr2" reenact "$one" -o "$scratch/x.png" --drive "$scratch/other.json" $model
check "is named" says 'no motion file' "$scratch/stderr"
check "a motion from a pipe" sh -c "cat '$motion' | '$jr2' reenact '$one' -o '$scratch/pipe.png' --drive /dev/stdin $model && cmp '$scratch/pipe.png' '$scratch/a.png'"
ln -s /dev/full "$scratch/full.png"
check "full disk" code 1 "$jr2" reenact "$one" -o "$scratch/full.png" --drive "$motion" $model
check "folder that cannot be" code 1 "$jr2" reenact "$one" -o "$one/x/" --drive "$motion" $model
mkdir "$scratch/empty"
check "video without ffmpeg" code 1 /usr/bin/env PATH="$scratch/empty" "$jr2" reenact "$one" -o "$scratch/x.mp4" --drive "$motion" $model
check "it names the way out" says 'ffmpeg program.*numbered PNGs' "$scratch/stderr"

# A stop: the animation is whole.
stopped() {
    mkfifo "$scratch/fifo"
    "$jr2" reenact "$one" -o "$scratch/s.png" --drive "$scratch/fifo" $model &
    program=$!
    { cat "$motion"; sleep 1; kill -INT $program; } >"$scratch/fifo"
    wait $program
    got=$?
    [ $got -eq 0 ] || { echo "exit code $got"; return 1; }
}
check "stop" stopped
check "stopped: a whole animation" tool animation "$scratch/s.png" some 10 "$scratch/seq/deep"

if command -v ffmpeg >/dev/null 2>&1; then
    video_frames() { [ "$(ffmpeg -v error -i "$1" -map 0:v:0 -f framemd5 - | grep -vc '^#')" -eq "$2" ]; }
    sounds() { [ "$(ffprobe -v error -select_streams a -show_entries stream=codec_type -of csv=p=0 "$1" | wc -l)" -eq "$2" ]; }
    dies="$scratch/dies"
    mkdir "$dies"
    cat >"$dies/ffmpeg" <<END
#!/bin/sh
case "\$*" in
*yuv4mpegpipe*) [ -z "\$READER_DIES" ] || { $(command -v ffmpeg) "\$@" | head -c 1000000; echo it broke >&2; exit 7; } ;;
*) [ -z "\$WRITER_DIES" ] || { head -c 500000 >/dev/null; echo no room >&2; exit 7; } ;;
esac
exec $(command -v ffmpeg) "\$@"
END
    chmod +x "$dies/ffmpeg"
    clip=$scratch/clip.mkv
    check "a driving video" ffmpeg -v error -nostdin -y -loop 1 -framerate 12 -i "$one" -f lavfi -i sine=duration=0.5 -frames:v 12 -c:v ffv1 -c:a pcm_s16le "$clip"
    check "drives" make "$one" -o "$scratch/v.mp4" --drive "$clip"
    check "as many frames" video_frames "$scratch/v.mp4" 12
    check "its sound" sounds "$scratch/v.mp4" 1
    check "the video is marked" sh -c "'$jr2' mark --check '$scratch/v.mp4' | grep -q 'pixels marked.*metadata composite'"
    check "without sound, unmarked" make "$one" -o "$scratch/w.mp4" --drive "$clip" --audio none --unmarked --frames 5
    check "no sound" sounds "$scratch/w.mp4" 0
    check "no mark" code 4 "$jr2" mark --check "$scratch/w.mp4"
    check "five frames" video_frames "$scratch/w.mp4" 5
    check "a video from a pipe" sh -c "'$jr2' reenact '$one' -o '$scratch/w.mkv' --drive - $model <'$clip'"
    check "all its frames" video_frames "$scratch/w.mkv" 12
    check "absolute, portrait from the clip" make "$clip" -o "$scratch/abs/" --drive "$clip" --motion absolute --audio source
    check "a frame for every frame" count "$scratch/abs" 12
    check "of the portrait's size" tool size "$scratch/abs/00011.png" 320 240
    check "at the same place" tool near "$scratch/abs/00011.png" "$one" 1.5
    check "a video without a face" ffmpeg -v error -nostdin -y -loop 1 -i "$scratch/none.png" -frames:v 5 -c:v ffv1 "$scratch/n.mkv"
    check "drives nobody" code 1 "$jr2" reenact "$one" -o "$scratch/n.mp4" --drive "$scratch/n.mkv" $model
    check "that is said too" says 'no face was found in the driver' "$scratch/stderr"
    check "a face that leaves" ffmpeg -v error -nostdin -y -loop 1 -framerate 12 -t 0.5 -i "$one" -loop 1 -framerate 12 -t 1.5 -i "$scratch/none.png" \
        -filter_complex concat=n=2 -c:v ffv1 "$scratch/leaves.mkv"
    check "is held and fades" code 0 "$jr2" reenact "$one" -o "$scratch/lv/" --drive "$scratch/leaves.mkv" --weights "$tiny" --method warp
    check "and is reported" says 'the face that drives: not seen in 1[0-9] frames ([0-9]*-23)' "$scratch/stderr"
    check "every frame of it is there" count "$scratch/lv" 24
    head -c $(($(wc -c <"$clip") / 2)) "$clip" >"$scratch/cut.mkv"
    check "a cut video does not crash" sh -c "'$jr2' reenact '$one' -o '$scratch/cv/' --drive '$scratch/cut.mkv' $model 2>/dev/null; test \$? -le 1 && test -s '$scratch/cv/00002.png'"
    check "the reader dies" code 1 /usr/bin/env READER_DIES=1 PATH="$dies:$PATH" "$jr2" reenact "$one" -o "$scratch/rd.mp4" --drive "$clip" $model
    check "it says so" says 'ffmpeg failed after [0-9]* frames: it broke' "$scratch/stderr"
    check "what was done plays" video_frames "$scratch/rd.mp4" 4
    check "the writer dies" code 1 /usr/bin/env WRITER_DIES=1 PATH="$dies:$PATH" "$jr2" reenact "$one" -o "$scratch/wd.mp4" --drive "$clip" $model
    check "it says so too" says 'ffmpeg could not write the video: no room' "$scratch/stderr"
    endless() {
        mkfifo "$scratch/fifo2"
        ffmpeg -v quiet -nostdin -loop 1 -framerate 25 -i "$one" -f nut -c:v rawvideo -y "$scratch/fifo2" &
        feeder=$!
        "$jr2" reenact "$one" -o "$scratch/e.mp4" --drive - $model <"$scratch/fifo2" &
        program=$!
        while [ ! -s "$scratch/e.mp4" ] && kill -0 $program; do sleep 0.2; done
        kill -INT $program
        wait $program
        got=$?
        kill $feeder 2>/dev/null
        [ $got -eq 0 ] || { echo "exit code $got"; return 1; }
    }
    check "an endless video, stopped" endless
    check "what was done plays as well" ffmpeg -v error -nostdin -xerror -i "$scratch/e.mp4" -f null -
    check "and is marked" code 0 "$jr2" mark --check "$scratch/e.mp4"
fi
finish
