# SPDX-License-Identifier: MIT
"""Writes a trained finder as JR2W (topology jr2.find.1), reads one back, and makes the test's reference numbers.

    python3 training/find/export.py --checkpoint training/runs/find/last.pt --out weights/find.jr2w 
        [--reference tests/data/find.jr2w --photo examples/astronaut.jpg]
"""
import argparse
import json
import os
import sys

import cv2
import numpy as np
import torch

import model

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import jr2w  # noqa: E402

TOPOLOGY = 'jr2.find.1'


def save(net, path, shift=0.0):
    """shift is added to the score logits, so that 0.5 becomes the threshold to use."""
    tensors = {'meta': json.dumps({'strides': model.STRIDES, 'blocks': [len(b) for b in net.blocks], 'longest_side': 320,
                                   'output': ['score', 'dx', 'dy', 'size', 'cos', 'sin']})}
    for name, (w, b) in net.layers().items():
        b = b.detach().clone()
        if name.startswith('head.'):
            b[0] += shift
        tensors[f'{name}.weight'] = w.detach().numpy().astype(np.float16)
        tensors[f'{name}.bias'] = b.numpy().astype(np.float32)
    jr2w.write(path, TOPOLOGY, tensors)


def load(net, path):
    """Puts folded weights into a network; its batch norms become the bias. Training resumes from it."""
    topology, tensors = jr2w.read(path)
    if topology != TOPOLOGY:
        raise ValueError(f'{path}: topology {topology}, not {TOPOLOGY}')
    modules = dict(net.named_modules())
    with torch.no_grad():
        for name, m in modules.items():
            if isinstance(m, model.Conv):
                m.conv.weight.copy_(torch.from_numpy(tensors[f'{name}.weight'].astype(np.float32)))
                m.norm.running_mean.zero_()
                m.norm.running_var.fill_(1 - m.norm.eps)
                m.norm.weight.fill_(1)
                m.norm.bias.copy_(torch.from_numpy(tensors[f'{name}.bias'].copy()))
            elif name.startswith('head.'):
                m.weight.copy_(torch.from_numpy(tensors[f'{name}.weight'].astype(np.float32)))
                m.bias.copy_(torch.from_numpy(tensors[f'{name}.bias'].copy()))
    return net


def reference(weights, photo, path):
    """For tests/test_find.c: input and output maps of the exported (fp16) weights on a made picture, and a small photo."""
    net = load(model.Finder(), weights).eval()
    y, x = np.mgrid[:96, :128].astype(np.float32)
    image = np.stack([np.sin(x / 9) * np.cos(y / 7), np.sin((x + y) / 13), np.cos(x / 21) * np.sin(y / 5)]).astype(np.float32)
    with torch.no_grad():
        maps = net(torch.from_numpy(image)[None])
    small = cv2.resize(cv2.imread(photo), (256, 256), interpolation=cv2.INTER_AREA)
    out = {'input': image, 'photo': np.ascontiguousarray(small[:, :, ::-1])}
    for i, m in enumerate(maps):
        out[f'map{i}'] = m[0].numpy()
    jr2w.write(path, 'jr2.test.find', out)


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--checkpoint')
    p.add_argument('--out', required=True)
    p.add_argument('--reference')
    p.add_argument('--photo', default='examples/astronaut.jpg')
    p.add_argument('--shift', type=float, default=0.0)
    a = p.parse_args()
    if a.checkpoint:
        net = model.Finder()
        net.load_state_dict(torch.load(a.checkpoint)['model'])
        save(net.eval(), a.out, a.shift)
        print(a.out, os.path.getsize(a.out), 'bytes')
    if a.reference:
        reference(a.out, a.photo, a.reference)
        print(a.reference, os.path.getsize(a.reference), 'bytes')
