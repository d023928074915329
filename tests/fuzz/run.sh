#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the libFuzzer targets with clang and runs each for SECONDS (30): tests/fuzz/run.sh [SECONDS [TARGET...]]. Findings are left in build/fuzz.
set -e
cd "$(dirname "$0")/../.."
seconds=${1:-30}
[ $# -eq 0 ] || shift
targets=${*:-weights image picture}
CLANG=${CLANG:-clang}
san=fuzzer-no-link,address,undefined
out=build/fuzz
mkdir -p $out
# The SIMD kernels are compiled plainly: instrumented they take minutes, and tests/test_kernels.c looks for stray bytes around them.
make -s -j"$(nproc)" CC="$CLANG" SAN=$san WITH_BLAS=none OUT=$out CFLAGS="-O1 -g" AVX2_FLAGS="-O1 -fno-sanitize=all -mavx2 -mfma -mf16c" \
    AVX512_FLAGS="-O1 -fno-sanitize=all -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c" $out/libjr2.a
failed=0
for target in $targets; do
    $CLANG -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -Ilibjr2 \
        tests/fuzz/fuzz_$target.c $out/libjr2.a -o $out/fuzz_$target -ljpeg -lpng -lz -lm -pthread -ldl
    corpus=$out/corpus-$target
    mkdir -p $corpus
    case $target in
    weights) for f in tests/data/tiny/*.jr2w; do { printf '\001'; cat "$f"; } >$corpus/"$(basename "$f")"; done ;;
    picture) head -c 20000 examples/astronaut.jpg >$corpus/a.jpg; cp tests/data/red.png $corpus/ ;;
    image)
        # format, flags, width, height, stride, two regions, options; then pixels
        { printf '\001\003\140\000\100\000\000\000'; head -c 40 /dev/zero; head -c 3000 examples/astronaut.jpg; } >$corpus/plain
        { printf '\002\053\140\000\100\000\000\000\000\000\100\102\000\000\000\102\000\000\240\101\000\000\000\000'; head -c 16 /dev/zero; printf '\011\000\000\000\000\000\000\000'; head -c 3000 examples/astronaut.jpg; } >$corpus/region
        ;;
    esac
    limit=150000
    [ $target = image ] && limit=4096
    if $out/fuzz_$target -max_total_time="$seconds" -max_len=$limit -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
        -artifact_prefix=$out/finding-$target- $corpus >$out/$target.log 2>&1; then
        echo "ok      fuzz_$target: $(sed -n 's/^stat::number_of_executed_units: *//p' $out/$target.log) runs, $(grep -o 'cov: [0-9]*' $out/$target.log | tail -n 1)"
    else
        echo "FAILED  fuzz_$target"
        tail -n 40 $out/$target.log
        failed=1
    fi
done
exit $failed
