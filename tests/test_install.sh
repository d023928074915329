#!/bin/sh
# SPDX-License-Identifier: MIT
# make install into a folder of its own, then what a user does: pkg-config, the examples as C and C++, static linking, jr2 found through PATH
# from another folder, weights found without being told, make uninstall.
. tests/tap.inc
case $BUILD in
*san-*) echo "nothing to check in a sanitizer build"; finish; exit ;;
esac
root=$scratch/root
export PKG_CONFIG_PATH="$root/lib/pkgconfig"
# Whatever the name of the build folder: the same flags as the make that runs this.
install() { make -s install PREFIX="$root" WITH_BLAS="${WITH_BLAS:-openblas}"; }

compile() { # compiler, source, output, more
    compiler=$1 source=$2 output=$3
    shift 3
    $compiler "$@" -Wall -Wextra -Werror "$source" -o "$output" $(pkg-config --cflags --libs libjr2)
}

layout() {
    (cd "$root" && find . -type f -o -type l | sort) >"$scratch/files"
    for f in bin/jr2 include/jr2/jr2.h include/jr2/status.h lib/libjr2.so lib/libjr2.so.0 lib/libjr2.a lib/pkgconfig/libjr2.pc \
        share/jr2/head.jr2w share/jr2/find.jr2w share/jr2/coarse.jr2w; do
        [ -e "$root/$f" ] || { echo "$f is missing"; return 1; }
    done
}

soname() { objdump -p "$root/lib/libjr2.so.0" | grep -q 'SONAME *libjr2.so.0$'; }
version() { [ "$(pkg-config --modversion libjr2)" = "$(sed -n 's/^VERSION := //p' Makefile)" ]; }
shared() { ldd "$1" | grep -q "$root/lib/libjr2.so.0"; }

moves() { # motion file; as many pictures as the photo's size allows,, and most differ from the one before
    "$scratch/reenact" "$scratch/photo.ppm" "$1" >"$scratch/frames" || return 1
    python3 - "$scratch/frames" <<'EOF'
import sys
data = open(sys.argv[1], "rb").read()
header = data[:data.index(b"255\n") + 4]
width, height = (int(n) for n in header.split()[1:3])
step = len(header) + 3 * width * height
frames = [data[k:k + step] for k in range(0, len(data), step)]
assert len(frames) > 20 and len(frames[-1]) == step, (len(frames), len(frames[-1]), step)
assert all(f.startswith(header) for f in frames)
assert sum(a != b for a, b in zip(frames, frames[1:])) > len(frames) / 2
EOF
}

cp examples/head.c "$scratch/head.cpp"
export LD_LIBRARY_PATH="$root/lib"
check "make install" install
check "layout" layout
check "soname" soname
check "version" version
check "version of the program" sh -c "[ \"\$('$root/bin/jr2' --version)\" = \"jr2 \$(pkg-config --modversion libjr2)\" ]"
check "head.c as C99" compile "$CC" examples/head.c "$scratch/head" -std=c99
check "animate.c as C99" compile "$CC" examples/animate.c "$scratch/animate" -std=c99
check "reenact.c as C99" compile "$CC" examples/reenact.c "$scratch/reenact" -std=c99
check "static linking" sh -c "$CC -Wall -Werror examples/animate.c -o '$scratch/static' \$(pkg-config --cflags libjr2) '$root/lib/libjr2.a' \$(pkg-config --static --libs libjr2 | sed 's/-ljr2//')"
check "head uses the shared library" shared "$scratch/head"
check "animate finds the weights" sh -c "cd / && '$scratch/animate' | grep -q 'frame 23'"
if command -v ffmpeg >/dev/null; then
    ffmpeg -v error -i examples/astronaut.jpg "$scratch/photo.ppm" </dev/null
    check "reenact moves the photograph" moves examples/motion.jr2m
fi
check "usage of reenact" sh -c "'$scratch/reenact'; test \$? -eq 2"
check "usage of head" sh -c "'$scratch/head'; test \$? -eq 2"
check "jr2 through PATH" sh -c "cd / && PATH='$root/bin:$PATH' jr2 info"
check "the photograph" sh -c "cd '$scratch' && '$root/bin/jr2' reconstruct '$PWD/examples/astronaut.jpg' -o out && test -s out/astronaut.glb && test -s out/astronaut.json && test -s out/astronaut.png"
check "make uninstall" make -s uninstall PREFIX="$root" WITH_BLAS="${WITH_BLAS:-openblas}"
check "nothing is left" sh -c "[ -z \"\$(find '$root' -type f -o -type l)\" ]"
finish
