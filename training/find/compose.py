# SPDX-License-Identifier: MIT
"""Training pictures for the face finder, composed on the fly from face crops, face-free backgrounds and stamps.

A composed picture is RGB uint8 with a list of face frames {cx, cy, size, roll} in its pixels (roll in radians, positive
clockwise; size = side of the box of the 468 surface points after the roll is removed). Not an evaluation set: see
evaluate.py, which composes plainer pictures from what is never trained on.
"""
import cv2
import numpy as np

cv2.setNumThreads(0)


class Faces:
    """Face crops at three resolutions with their face frame and valid rectangle, as prepare.py writes them."""

    def __init__(self, folder, tag):
        self.level = [np.load(f'{folder}/{tag}_{s}.npy', mmap_mode='r') for s in (384, 192, 96)]
        meta = np.load(f'{folder}/{tag}.npz')
        self.frame, self.valid, self.name = meta['frame'], meta['valid'], meta['name']

    def __len__(self):
        return len(self.frame)


def load_pictures(path):
    return list(np.load(path, allow_pickle=True))


def similarity(scale, angle, flip, source, target, stretch=1.0):
    """2 x 3 matrix: source point -> target point, rotated clockwise by angle, mirrored first if flip."""
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    a = np.array([[c, -s], [s, c]]) @ np.diag([-stretch if flip else stretch, 1.0])
    return np.hstack([a, (np.asarray(target) - a @ np.asarray(source))[:, None]])


def centred(matrix):
    """The matrix as OpenCV takes it: its pixel centres are at whole numbers, ours at + 0.5 (corners at whole numbers)."""
    m = matrix.copy()
    m[:, 2] += m[:, :2] @ (.5, .5) - .5
    return m


def paste(canvas, patch, mask, matrix, interpolation=cv2.INTER_LINEAR):
    """Draws patch through matrix (patch -> canvas) with a 0..255 mask; only the touched rectangle is worked on."""
    h, w = patch.shape[:2]
    corners = np.array([[0, 0, 1], [w, 0, 1], [0, h, 1], [w, h, 1]]) @ matrix.T
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int), [canvas.shape[1], canvas.shape[0]])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    m = matrix.copy()
    m[:, 2] -= (x0, y0)
    size = (int(x1 - x0), int(y1 - y0))
    top = cv2.warpAffine(patch, centred(m), size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    mm = m.copy()
    mm[:, :2] *= w / mask.shape[1]
    alpha = cv2.warpAffine(mask, centred(mm), size, flags=cv2.INTER_LINEAR, borderValue=0)
    area = canvas[y0:y1, x0:x1]
    alpha = cv2.merge([alpha] * 3)
    full = cv2.multiply(top, alpha, scale=1 / 255.0)
    rest = cv2.multiply(area, 255 - alpha, scale=1 / 255.0)
    canvas[y0:y1, x0:x1] = cv2.add(full, rest)


def shade(rng, image, strength=1.0):
    """Gain, bias, gamma and colour balance as one look-up table a channel."""
    x = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(rng.normal(0, 0.25 * strength))
    gain = np.exp(rng.normal(0, 0.22 * strength))
    bias = rng.normal(0, 0.06 * strength)
    out = []
    for _ in range(3):
        g = gain * np.exp(rng.normal(0, 0.08 * strength))
        y = np.clip((x ** gamma) * g + bias, 0, 1)
        out.append((y * 255).astype(np.uint8))
    return cv2.LUT(np.ascontiguousarray(image), np.stack(out, 1)[None])


def mix_channels(rng, image):
    """Grey pictures and weak or strong saturation."""
    k = rng.random()
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if k < 0.5:
        if rng.random() < 0.25:  # tinted film
            return shade(rng, grey, 1.5)
        return grey
    t = rng.uniform(0.2, 1.6)
    return cv2.addWeighted(image, t, grey, 1 - t, 0)


def degrade(rng, image):
    """What cameras, broadcasters and websites do to a picture."""
    h, w = image.shape[:2]
    k = rng.random()
    if k < 0.18:  # low resolution
        f = rng.uniform(0.25, 0.8)
        small = cv2.resize(image, (max(8, int(w * f)), max(8, int(h * f))), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (w, h), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[.6, .25, .15])))
    elif k < 0.34:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.2))
    elif k < 0.42:  # motion
        n = int(rng.integers(3, 10))
        kernel = np.zeros((n, n), np.float32)
        a = rng.uniform(0, np.pi)
        d = np.array([np.cos(a), np.sin(a)]) * n / 2
        cv2.line(kernel, tuple(int(v) for v in n / 2 - d), tuple(int(v) for v in n / 2 + d), 1)
        image = cv2.filter2D(image, -1, kernel / max(1, kernel.sum()))
    elif k < 0.50:  # sharpened
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 2))
        image = cv2.addWeighted(image, 2.0, soft, -1.0, 0)
    if rng.random() < 0.8:
        image = shade(rng, image)
    if rng.random() < 0.10:  # dark or washed out
        f = rng.uniform(0.15, 0.6)
        image = cv2.convertScaleAbs(image, alpha=f, beta=float(rng.choice([0, rng.uniform(0, 255 * (1 - f))])))
    if rng.random() < 0.25:
        image = mix_channels(rng, image)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), (h // 2, w // 2)).astype(np.float32) if rng.random() < .3 else rng.normal(0, rng.uniform(2, 14), (h, w)).astype(np.float32)
        noise = cv2.resize(noise, (w, h), interpolation=cv2.INTER_NEAREST)
        image = cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.25:
        ok, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 85))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


class Composer:
    def __init__(self, faces, pictures, stamps, seed=0, min_size=13.0, max_roll=60.0):
        self.faces, self.pictures, self.stamps = faces, pictures, stamps
        self.rng = np.random.default_rng(seed)
        self.min_size, self.max_roll = min_size, max_roll

    # --- what has no face in it ---
    def face_free_crop(self):
        """A piece of a portrait without the face: hair, neck, clothes, background. None where there is little room."""
        r = self.rng
        i = int(r.integers(len(self.faces)))
        x0, y0, x1, y1 = self.faces.valid[i]
        cx, cy, s, _ = self.faces.frame[i]
        h = s * 0.56
        sides = [(x0, y0, cx - h, y1), (cx + h, y0, x1, y1), (x0, y0, x1, cy - h), (x0, cy + h, x1, y1)]
        sides = [(a, b, c, d) for a, b, c, d in sides if c - a > 24 and d - b > 24]
        if not sides:
            return None
        a, b, c, d = sides[int(r.integers(len(sides)))]
        return np.ascontiguousarray(self.faces.level[0][i][int(b) + 1:int(d), int(a) + 1:int(c)])

    def procedural(self, w, h):
        r = self.rng
        k = r.random()
        base = r.integers(0, 256, 3)
        if k < 0.35:  # noise of several octaves
            img = np.zeros((h, w, 3), np.float32) + base.astype(np.float32)
            for o in (2, 4, 8, 16, 40):
                n = r.normal(0, 1, (max(2, o * h // w), o, 3 if r.random() < .5 else 1)).astype(np.float32)
                n = cv2.resize(n, (w, h), interpolation=cv2.INTER_CUBIC)
                img += (n if n.ndim == 3 else n[..., None]) * r.uniform(5, 60) / np.sqrt(o)
            return np.clip(img, 0, 255).astype(np.uint8)
        corner = r.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        img = cv2.resize(corner, (w, h), interpolation=cv2.INTER_LINEAR)
        for _ in range(int(r.integers(0, 25))):
            col = tuple(int(v) for v in r.integers(0, 256, 3))
            p, q = (int(r.integers(w)), int(r.integers(h))), (int(r.integers(w)), int(r.integers(h)))
            t = int(r.choice([-1, 1, 2, 4]))
            j = r.random()
            if j < .3:
                cv2.rectangle(img, p, q, col, t)
            elif j < .7:
                cv2.ellipse(img, p, (int(r.integers(2, w // 3)), int(r.integers(2, h // 3))), float(r.uniform(0, 180)), 0, 360, col, t)
            elif j < .85:
                cv2.line(img, p, q, col, abs(t), cv2.LINE_AA)
            else:
                cv2.putText(img, ''.join(chr(int(c)) for c in r.integers(48, 123, int(r.integers(1, 12)))), p, int(r.integers(0, 8)), float(r.uniform(.4, 3)), col, abs(t))
        return img

    def fit(self, picture, w, h):
        """A random crop of a picture, at any scale, filling w x h."""
        r = self.rng
        ph, pw = picture.shape[:2]
        k = max(w / pw, h / ph) * np.exp(r.uniform(0, 1.2 if r.random() < .8 else 2.2))
        a = 0.0 if r.random() < .6 else r.normal(0, 0.3)
        if a:
            k *= abs(np.cos(a)) + abs(np.sin(a)) * max(w, h) / min(w, h)
        u, v = w / k / 2, h / k / 2
        c = (r.uniform(min(u, pw / 2), max(pw - u, pw / 2)), r.uniform(min(v, ph / 2), max(ph - v, ph / 2)))
        if k < 0.6:
            f = max(k * 1.3, .1)
            picture = cv2.resize(picture, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
            c, k = (c[0] * picture.shape[1] / pw, c[1] * picture.shape[0] / ph), k * pw / picture.shape[1]
        m = similarity(k, a, r.random() < .5, c, (w / 2, h / 2))
        return cv2.warpAffine(picture, m, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def background(self, w, h):
        r = self.rng
        k = r.random()
        if k < 0.68:
            return self.fit(self.pictures[int(r.integers(len(self.pictures)))], w, h)
        if k < 0.86:
            p = self.face_free_crop()
            if p is not None:
                return self.fit(p, w, h)
        return self.procedural(w, h)

    def distract(self, canvas):
        """Stamps and pieces of other pictures."""
        r = self.rng
        h, w = canvas.shape[:2]
        for _ in range(int(r.choice([0, 1, 2, 3, 5], p=[.45, .2, .15, .1, .1]))):
            side = np.exp(r.uniform(np.log(16), np.log(max(w, h))))
            self.object(canvas, (r.uniform(0, w), r.uniform(0, h)), side)
        if r.random() < .15:
            self.faceless(canvas)

    def object(self, canvas, at, side):
        r = self.rng
        if r.random() < 0.45:
            s = self.stamps[int(r.integers(len(self.stamps)))]
            patch, mask = np.ascontiguousarray(s[..., :3]), np.ascontiguousarray(s[..., 3])
            if r.random() < .5:
                patch = shade(r, patch, 1.5)
        else:
            patch = self.face_free_crop() if r.random() < .6 else None
            if patch is None:
                patch = self.background(96, 96)
            mask = np.zeros((32, max(2, 32 * patch.shape[1] // patch.shape[0])), np.uint8)
            if r.random() < .5:
                mask[1:-1, 1:-1] = 255
            else:
                cv2.ellipse(mask, (mask.shape[1] // 2, 16), (mask.shape[1] // 2 - 1, 15), 0, 0, 360, 255, -1)
            mask = cv2.resize(mask, (patch.shape[1], patch.shape[0]))
        ph, pw = patch.shape[:2]
        k = side / max(ph, pw)
        if k < .5:
            patch, mask = (cv2.resize(v, None, fx=2 * k, fy=2 * k, interpolation=cv2.INTER_AREA) for v in (patch, mask))
            if min(patch.shape[:2]) < 3:
                return
            ph, pw = patch.shape[:2]
            k = side / max(ph, pw)
        paste(canvas, patch, mask, similarity(k, r.normal(0, .4), r.random() < .5, (pw / 2, ph / 2), at))

    def faceless(self, canvas):
        """A portrait whose face is a hole: hair, collar and shoulders do not make a face."""
        r = self.rng
        i = int(r.integers(len(self.faces)))
        cx, cy, s, own = (float(v) for v in self.faces.frame[i] / 4)
        mask = self.mask(i, 'rect' if r.random() < .5 else 'blob')
        axes = (s * r.uniform(.42, .55), s * r.uniform(.5, .6))
        cv2.ellipse(mask, (round(cx * 16), round(cy * 16)), tuple(round(v * 16) for v in axes), float(np.degrees(own)), 0, 360, 0, -1, cv2.LINE_AA, 4)
        h, w = canvas.shape[:2]
        k = np.exp(r.uniform(np.log(self.min_size * 1.5), np.log(max(w, h)))) / (s * 4)
        lv = 0 if k > .45 else 1 if k > .22 else 2
        f = 1 << lv
        paste(canvas, self.faces.level[lv][i], mask, similarity(k * f, r.normal(0, .3), r.random() < .5, (cx * 4 / f, cy * 4 / f), (r.uniform(0, w), r.uniform(0, h))))

    # --- faces ---
    def mask(self, i, kind):
        r = self.rng
        x0, y0, x1, y1 = self.faces.valid[i] / 4.0
        cx, cy, s, roll = self.faces.frame[i] / np.array([4, 4, 4, 1])
        m = np.zeros((96, 96), np.uint8)
        if kind == 'crop':  # with the padding of the crop
            m[:] = 255
            return m
        x0, y0, x1, y1 = x0 + .6, y0 + .6, x1 - .6, y1 - .6
        if kind == 'blob':
            t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
            wobble = sum(r.normal(0, .06) * np.cos(j * t + r.uniform(0, 6.28)) for j in (1, 2, 3, 5, 8))
            rx, ry = s * r.uniform(.52, .9), s * r.uniform(.56, 1.0)
            if r.random() < .3:
                rx, ry = rx * 1.3, ry * 1.3
            up = r.uniform(-.05, .25) * s
            p = np.stack([cx + rx * (1 + wobble) * np.cos(t), cy - up * (np.sin(t) < 0) + ry * (1 + wobble) * np.sin(t)], 1)
            if r.random() < .4:  # with shoulders
                p[(t > .6) & (t < 2.5), 1] = 96
            p = np.clip(p, [x0, y0], [x1, y1])
            cv2.fillPoly(m, [np.round(p * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            return cv2.GaussianBlur(m, (0, 0), r.uniform(.5, 3)) if r.random() < .8 else m
        shrink = r.uniform(0, .5, 4) * (r.random() < .5)  # towards the face, never into it
        h = s * .52
        x0, x1 = x0 + max(0, cx - h - x0) * shrink[0], x1 - max(0, x1 - cx - h) * shrink[1]
        y0, y1 = y0 + max(0, cy - h - y0) * shrink[2], y1 - max(0, y1 - cy - h) * shrink[3]
        cv2.rectangle(m, (int(x0 * 16 + 8), int(y0 * 16 + 8)), (int(x1 * 16), int(y1 * 16)), 255, -1, cv2.LINE_AA, 4)
        if kind == 'soft':
            soft = cv2.GaussianBlur(m, (0, 0), r.uniform(1, 5))
            m = cv2.multiply(m, soft, scale=1 / 255.0)
        return m

    def add_face(self, canvas, labels, size, roll, at, kind, i=None):
        r = self.rng
        i = int(r.integers(len(self.faces))) if i is None else i
        cx, cy, s, own = (float(v) for v in self.faces.frame[i])
        flip = r.random() < .5
        k = size / s
        lv = 0 if k > .45 else 1 if k > .22 else 2
        f = 1 << lv
        turn = roll - (-own if flip else own)
        stretch = float(np.exp(r.normal(0, .04)))
        m = similarity(k * f, turn, flip, (cx / f, cy / f), at, stretch)
        patch = self.faces.level[lv][i]
        if k * f < .5:
            patch = cv2.blur(patch, (3, 3))
        if r.random() < .5:
            patch = shade(r, patch, .7)
        if r.random() < .08 and size > 30:  # worse than what surrounds it
            patch = cv2.GaussianBlur(patch, (0, 0), r.uniform(.5, 4) * 48 / max(48, size) / (k * f) if k * f > .2 else 1)
        paste(canvas, patch, self.mask(i, kind), m)
        labels.append([at[0], at[1], size, roll])

    def occlude(self, canvas, face):
        r = self.rng
        x, y, s, roll = face
        k = r.random()
        col = tuple(int(v) for v in r.integers(0, 256, 3))
        if k < .45:  # something in front, reaching in from a side
            a = r.uniform(0, 2 * np.pi)
            side = s * r.uniform(.3, .8)
            d = s * .5 * r.uniform(.75, 1.1) + side * .2
            self.object(canvas, (x + d * np.cos(a), y + d * np.sin(a)), side)
        elif k < .6:  # caption or bar
            t = y + s * r.uniform(.25, .45) if r.random() < .7 else y - s * r.uniform(.3, .5)
            e = t + s * r.uniform(.1, .6) * (1 if t > y else -1)
            cv2.rectangle(canvas, (0, int(min(t, e))), (canvas.shape[1], int(max(t, e))), col, -1)
        elif k < .75:  # dark glasses
            u = np.array([np.sin(roll), -np.cos(roll)])
            v = np.array([np.cos(roll), np.sin(roll)])
            dark = tuple(int(c) for c in r.integers(0, 70, 3))
            for g in (-1, 1):
                p = np.array([x, y]) + u * s * .14 + v * g * s * .18
                cv2.ellipse(canvas, tuple(int(c) for c in p), (max(1, int(s * .15)), max(1, int(s * r.uniform(.08, .14)))), float(np.degrees(roll)), 0, 360, dark, -1, cv2.LINE_AA)
        elif k < .88:  # mask or scarf over the mouth
            u = np.array([np.sin(roll), -np.cos(roll)])
            p = np.array([x, y]) - u * s * r.uniform(.28, .38)
            cv2.ellipse(canvas, tuple(int(c) for c in p), (int(s * r.uniform(.3, .5)) + 1, int(s * r.uniform(.15, .3)) + 1), float(np.degrees(roll)), 0, 360, col, -1, cv2.LINE_AA)
        else:
            w = max(1, int(s * r.uniform(.03, .12)))
            p = (int(x + r.uniform(-.4, .4) * s), int(y + s * r.uniform(-.6, .6)))
            q = (int(x + r.uniform(-1, 1) * s), int(y + s * r.uniform(-1, 1)))
            cv2.line(canvas, p, q, col, w, cv2.LINE_AA)

    def roll(self):
        r = self.rng
        a = r.normal(0, 14) if r.random() < .45 else r.uniform(-self.max_roll, self.max_roll)
        return float(np.radians(np.clip(a, -self.max_roll, self.max_roll)))

    def kind(self):
        return str(self.rng.choice(['crop', 'rect', 'soft', 'blob'], p=[.10, .28, .20, .42]))

    def sample(self, w, h):
        r = self.rng
        mode = r.random()
        labels = []
        big = max(w, h)
        if mode < .20:  # a portrait fills the frame
            i = int(r.integers(len(self.faces)))
            x0, y0, x1, y1 = self.faces.valid[i]
            cx, cy, s, own = (float(v) for v in self.faces.frame[i])
            k = max(w / (x1 - x0), h / (y1 - y0)) * np.exp(r.uniform(-.15, .75))
            size = min(s * k, 1.35 * big)
            k = size / s
            canvas = self.background(w, h)
            # where the face centre may be so that the picture covers the frame, if it can
            lo, hi = w - (x1 - cx) * k, (cx - x0) * k
            x = r.uniform(lo, hi) if lo < hi else (lo + hi) / 2
            lo, hi = h - (y1 - cy) * k, (cy - y0) * k
            y = r.uniform(lo, hi) if lo < hi else (lo + hi) / 2
            x, y = np.clip(x, w * .1, w * .9), np.clip(y, h * .1, h * .9)
            self.add_face(canvas, labels, size, own if r.random() < .5 else self.roll(), (float(x), float(y)), 'rect' if r.random() < .7 else 'crop', i)
        elif mode < .26:  # tiles
            canvas = self.background(w, h)
            n = int(r.integers(2, 6))
            cell = max(w, h) / n
            for ty in range(int(np.ceil(h / cell))):
                for tx in range(n):
                    k = r.random()
                    at = ((tx + .5) * cell, (ty + .5) * cell)
                    if k < .4 and at[1] < h - cell * .2:
                        self.add_face(canvas, labels, cell * r.uniform(.5, .75), self.roll() * .5, at, 'rect' if r.random() < .5 else 'blob')
                    elif k < .8:
                        self.object(canvas, at, cell)
        else:
            canvas = self.background(w, h)
            self.distract(canvas)
            n = int(r.choice([0, 1, 2, 3, 5], p=[.18, .52, .14, .09, .07]))
            for _ in range(n):
                top = 1.25 * big if n == 1 else big * .6
                size = float(np.exp(r.uniform(np.log(self.min_size), np.log(top))))
                if r.random() < .15:
                    size = float(r.uniform(self.min_size, 48))
                for _try in range(6):
                    e = min(size * .35, w * .45, h * .45)
                    at = (float(r.uniform(e, w - e)), float(r.uniform(e, h - e)))
                    if all(np.hypot(at[0] - l[0], at[1] - l[1]) > .95 * max(size, l[2]) + .5 * min(size, l[2]) for l in labels):
                        self.add_face(canvas, labels, size, self.roll(), at, self.kind())
                        break
        for f in labels:
            if r.random() < .14 and f[2] > 18:
                self.occlude(canvas, f)
        if r.random() < .06:  # letterbox, caption
            t = int(h * r.uniform(.03, .15))
            keep = all(f[1] - f[2] * .3 > t and f[1] + f[2] * .3 < h - t for f in labels)
            if keep:
                canvas[:t], canvas[h - t:] = 0, 0
        if r.random() < .10:
            cv2.putText(canvas, ''.join(chr(int(c)) for c in r.integers(65, 123, int(r.integers(4, 16)))), (int(r.integers(0, w // 2)), int(h * r.uniform(.85, .98))), int(r.integers(0, 5)), float(r.uniform(.3, 1)), (255, 255, 255), 1, cv2.LINE_AA)
        return degrade(r, canvas), np.array(labels, np.float32).reshape(-1, 4)


def outline(image, faces, colour=(0, 255, 0), scores=None):
    """Draws rotated boxes with a tick at the top, for looking at."""
    for j, (x, y, s, a) in enumerate(faces):
        c, d = np.cos(a), np.sin(a)
        p = np.array([[-.5, -.5], [.5, -.5], [.5, .5], [-.5, .5]]) * s @ np.array([[c, d], [-d, c]]) + [x, y]
        cv2.polylines(image, [np.round(p).astype(np.int32)], True, colour, 1, cv2.LINE_AA)
        q = np.array([d, -c]) * s * .5 + [x, y]
        cv2.line(image, (int(x), int(y)), (int(q[0]), int(q[1])), colour, 1, cv2.LINE_AA)
        if scores is not None:
            cv2.putText(image, f'{scores[j]:.2f}', (int(x), int(y)), 0, .3, (255, 255, 0), 1)
    return image
