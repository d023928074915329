#!/bin/sh
# SPDX-License-Identifier: MIT
# Rules of the source tree: a folder of the library includes only itself and folders before it; file names are unique; each source
# says its licence and what it is; the public headers compile alone.
. tests/tap.inc

lattice() {
    order="base tensor kernels nn image face render out core"
    bad=0
    for file in libjr2/*/*.[ch]; do
        folder=$(basename "$(dirname "$file")")
        allowed=""
        for f in $order; do
            allowed="$allowed $f"
            [ "$f" = "$folder" ] && break
        done
        case " $order " in *" $folder "*) ;; *) echo "$file: unknown folder $folder"; bad=1 ;; esac
        for used in $(sed -n 's/^ *# *include *"\([a-z0-9_]*\)\/.*/\1/p' "$file"); do
            [ "$used" = jr2 ] && continue
            case " $allowed " in *" $used "*) ;; *) echo "$file must not include $used/"; bad=1 ;; esac
        done
    done
    return $bad
}

unique() {
    twice=$(find libjr2 src tests include -type f -name '*.[ch]' | sed 's|.*/||' | sort | uniq -d)
    [ -z "$twice" ] || { echo "twice: $twice"; return 1; }
}

licensed() {
    bad=0
    for file in $(find libjr2 src tests include examples bindings training -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \) | grep -v '/runs/'); do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || { echo "$file: no SPDX line"; bad=1; }
    done
    return $bad
}

# No program state outside of the handles: no writable static data in the library.
no_globals() {
    [ -f "$BUILD/libjr2.a" ] || { echo "$BUILD/libjr2.a is missing"; return 1; }
    found=$(objdump -t "$BUILD/libjr2.a" | awk '$3 == "O" && $4 ~ /^(\.data|\.bss|\.tdata|\.tbss|\.data\.rel|\*COM\*)$/ {print $NF}')
    [ -z "$found" ] || { echo "writable data: $found"; return 1; }
}

exports() {
    [ -f "$BUILD/libjr2.so.0" ] || { echo "$BUILD/libjr2.so.0 is missing"; return 1; }
    nm -D --defined-only "$BUILD/libjr2.so.0" | awk '{sub(/@.*/, "", $3); print $3}' | grep -v '^JR2_0$' | sort >"$scratch/exported"
    sed -n 's/.*JR2_API .*\(jr2_[a-z0-9_]*\)(.*/\1/p' include/jr2/*.h | sort >"$scratch/declared"
    diff "$scratch/declared" "$scratch/exported"
}

for header in include/jr2/*.h; do
    echo "#include \"jr2/$(basename "$header")\"" >"$scratch/alone.c"
    cp "$scratch/alone.c" "$scratch/alone.cpp"
    check "$header as C99" $CC -std=c99 -Wall -Wextra -Werror -pedantic -Iinclude -fsyntax-only "$scratch/alone.c"
    check "$header as C11" $CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude -fsyntax-only "$scratch/alone.c"
    check "$header as C++98" $CXX -std=c++98 -Wall -Wextra -Werror -pedantic -Iinclude -fsyntax-only "$scratch/alone.cpp"
    check "$header as C++17" $CXX -std=c++17 -Wall -Wextra -Werror -pedantic -Iinclude -fsyntax-only "$scratch/alone.cpp"
done
check "folder lattice" lattice
check "unique file names" unique
check "licence lines" licensed
case $BUILD in
*san-*) ;; # the sanitizers add symbols and data of their own
*)
    check "exported symbols" exports
    check "no writable data" no_globals
    ;;
esac
finish
