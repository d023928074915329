#!/bin/sh
# SPDX-License-Identifier: MIT
# Asks the Khronos glTF validator (npm package gltf-validator, fetched into a temporary folder) about GLB files: 0 errors, 0 warnings.
#   tests/check_glb.sh FILE.glb...
set -e
[ $# -gt 0 ] || { echo "usage: $0 FILE.glb..." >&2; exit 2; }
command -v npm >/dev/null || { echo "$0: npm is not installed" >&2; exit 2; }
folder=${GLTF_VALIDATOR:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
[ -d "$folder/node_modules/gltf-validator" ] || (cd "$folder" && npm install --no-audit --no-fund --silent gltf-validator)
NODE_PATH=$folder/node_modules node -e '
const validator = require("gltf-validator"), fs = require("fs");
(async () => {
    let bad = 0;
    for (const file of process.argv.slice(1)) {
        const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {maxIssues: 20});
        const n = report.issues;
        console.log(`${file}: ${n.numErrors} errors, ${n.numWarnings} warnings, ${n.numInfos} notes, ${n.numHints} hints`);
        for (const m of n.messages) console.log(`  ${m.code} ${m.pointer} ${m.message}`);
        bad += n.numErrors + n.numWarnings;
    }
    process.exit(bad ? 1 : 0);
})();' "$@"
