# SPDX-License-Identifier: MIT
"""Gathers what the finder's training reads: face crops at three resolutions with face frames, face-free pictures, stamps.

    for p in $(sed -n 's/^# packages: //p' training/find/backgrounds.txt); do apt-get download $p; dpkg -x $p*.deb DEBS/$p; done
    python3 training/find/prepare.py --shared shared/data --packages DEBS --out FOLDER

--packages holds one unpacked Debian package a folder. backgrounds.txt lists the pictures in them that were looked at and
have no face, and which of them are for evaluation only.
"""
import argparse
import glob
import io
import os

import cv2
import numpy as np
from PIL import Image


def face_frame(points):
    """Face frame of the teacher's points (docs/crop.md)."""
    p = points[:468, :2]
    eyes = (p[[33, 133]].mean(0) + p[[362, 263]].mean(0)) / 2
    up = eyes - p[[61, 291]].mean(0)
    roll = np.arctan2(up[0], -up[1])
    c, s = np.cos(roll), np.sin(roll)
    q = p @ np.array([[c, -s], [s, c]])
    lo, hi = q.min(0), q.max(0)
    centre = (lo + hi) / 2 @ np.array([[c, s], [-s, c]])
    return [centre[0], centre[1], (hi - lo).max(), roll]


def save_faces(out, tag, items):
    level = [np.lib.format.open_memmap(f'{out}/{tag}_{s}.npy', 'w+', np.uint8, (len(items), s, s, 3)) for s in (384, 192, 96)]
    meta = {'frame': [], 'valid': [], 'name': []}
    for i, (read, points, valid, name) in enumerate(items):
        image = read()
        for a in level:
            s = a.shape[1]
            a[i] = image if s == 384 else cv2.resize(image, (s, s), interpolation=cv2.INTER_AREA)
        meta['frame'].append(face_frame(points))
        meta['valid'].append(valid)
        meta['name'].append(name)
    np.savez(f'{out}/{tag}.npz', frame=np.float32(meta['frame']), valid=np.float32(meta['valid']), name=meta['name'])
    print(tag, len(items))


def clip_items(path, frames):
    """About so many frames of a clip, evenly spread."""
    d = np.load(path[:-4] + '.npz', allow_pickle=True)
    labels = d['landmarks_x32']
    step = max(1, len(labels) // frames)
    video, k, out = cv2.VideoCapture(path), 0, []
    while k < len(labels):
        ok, image = video.read()
        if not ok:
            break
        if k % step == 0 and labels[k].min() > -32768:
            rgb = np.ascontiguousarray(image[:, :, ::-1])
            out.append(((lambda rgb=rgb: rgb), labels[k] / 32.0, d['valid_rect'], f'{os.path.basename(path)}:{k}'))
        k += 1
    return out


def faces(shared, out):
    d = np.load(f'{shared}/photos.npz', allow_pickle=True)
    points = d['landmarks_x32'] / 32.0

    def item(i):
        name = str(d['name'][i])
        path = f'{shared}/photos/{name}' + ('' if name.endswith('.jpg') else '.jpg')
        return (lambda: cv2.imread(path)[:, :, ::-1]), points[i], d['valid_rect'][i], name
    save_faces(out, 'photos_val', [item(i) for i in np.flatnonzero(d['is_val'])])
    train = [item(i) for i in np.flatnonzero(~d['is_val'])]
    for path in sorted(glob.glob(f'{shared}/clips/*.mp4')):
        train += clip_items(path, 24)
    save_faces(out, 'train', train)
    save_faces(out, 'clips_val', [v for path in sorted(glob.glob(f'{shared}/clips_val/*.mp4')) for v in clip_items(path, 40)])


def read_picture(packages, where):
    """A picture of a package; 'file@offset' is one inside a Qt resource file."""
    path, _, offset = where.partition('@')
    with open(os.path.join(packages, path), 'rb') as f:
        f.seek(int(offset or 0))
        data = f.read(4000000 if offset else -1)
    image = np.array(Image.open(io.BytesIO(data)).convert('RGB'))
    k = min(1, 640 / min(image.shape[:2]), 1000 / max(image.shape[:2]))
    return cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA) if k < 1 else image


def save_list(path, images):
    a = np.empty(len(images), object)
    a[:] = images
    np.save(path, a, allow_pickle=True)
    print(path, len(images))


def stamps(packages):
    """Cut-out objects, animals, letters, hands; without people, faces and apes."""
    out = []
    for path in sorted(glob.glob(f'{packages}/tuxpaint-stamps-default/**/*.png', recursive=True)):
        if 'people' in path and 'body_parts' not in path or '/faces' in path or 'apes' in path or 'alphabets/' in path and 'asl' not in path:
            continue
        image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or image.shape[2] != 4:
            continue
        k = min(1, 160 / max(image.shape[:2]))
        out.append(np.ascontiguousarray(cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)[:, :, [2, 1, 0, 3]]))
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--shared', required=True)
    p.add_argument('--packages', required=True)
    p.add_argument('--out', required=True)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    faces(a.shared, a.out)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'backgrounds.txt')) as f:
        rows = [line.rstrip('\n').split(' ', 1) for line in f if not line.startswith('#')]
    for split in ('train', 'eval'):
        save_list(f'{a.out}/bg_{split}.npy', [read_picture(a.packages, where) for s, where in rows if s == split])
    save_list(f'{a.out}/stamps.npy', stamps(a.packages))


if __name__ == '__main__':
    main()
