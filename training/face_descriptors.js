// SPDX-License-Identifier: MIT
// Recognition descriptors of faces by @vladmandic/face-api, for training/evaluate_reenact.py. A judge, never part of the product.
//
//   npm install --prefix FOLDER @vladmandic/face-api @tensorflow/tfjs @tensorflow/tfjs-backend-wasm pngjs
//   node training/face_descriptors.js FOLDER list.json out.json
//
// list.json: an array of paths of PNG pictures, one face each. out.json: for each 128 numbers, or null where no face was found.
// Faces are found by its SSD, aligned by its 68 points and described by its recognition network.
'use strict';
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const [folder, list, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node face_descriptors.js FOLDER list.json out.json');
  process.exit(2);
}
const from = createRequire(path.resolve(folder) + '/');
const tf = from('@tensorflow/tfjs');
const wasm = from('@tensorflow/tfjs-backend-wasm');
const faceapi = from('@vladmandic/face-api/dist/face-api.node-wasm.js');
const { PNG } = from('pngjs');

function read(file) {
  const png = PNG.sync.read(fs.readFileSync(file));
  const rgb = new Int32Array(png.width * png.height * 3);
  for (let i = 0; i < png.width * png.height; i++)
    for (let k = 0; k < 3; k++) rgb[3 * i + k] = png.data[4 * i + k];
  return tf.tensor3d(rgb, [png.height, png.width, 3], 'int32');
}

async function main() {
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  const model = path.join(path.dirname(from.resolve('@vladmandic/face-api/package.json')), 'model');
  for (const net of [faceapi.nets.ssdMobilenetv1, faceapi.nets.faceLandmark68Net, faceapi.nets.faceRecognitionNet])
    await net.loadFromDisk(model);
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.15, maxResults: 1 });
  const result = [];
  for (const file of JSON.parse(fs.readFileSync(list))) {
    const picture = read(file);
    const face = await faceapi.detectSingleFace(picture, options).withFaceLandmarks().withFaceDescriptor();
    picture.dispose();
    result.push(face ? Array.from(face.descriptor) : null);
  }
  fs.writeFileSync(out, JSON.stringify(result));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
