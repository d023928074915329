# SPDX-License-Identifier: MIT
"""The reenactment network, topology "jr2.reenact.2".

Three parts. The silhouette is looked for once: where the source shows the person, with hair and shoulders, and not what lies behind, which
stays when the person moves (render/extend.h). The encoder looks once at the source picture and gives features at three scales. The frame part
runs for each driven frame: it reads the condition maps, warps the source's features by the exact flow of the mesh, predicts what the
mesh cannot know (hair, neck, shoulders, disocclusions, mouth and eyes), warps again, and decodes a picture and a mask
that blends it with the warped source. Before any training the output is nearly the mesh-warped source.

Shapes, for a crop of 256 x 256 (N = 64, 32, 16 are the scales' sides). What the network looks at is halved first: the moved photo
brings the fine detail, and a processor has four times as much to give to everything else.
  encoder input (16,256,256): picture 2v-1 (3), the 12 maps of the source pose (render/conditions.h), 1 where the
    picture is real and 0 where it was padded; averaged over 2 x 2.
  silhouette input (5,128,128): of the encoder's planes the picture, the map "inside" and where the picture is real.
  frame input  planes (16,128,128) of jr2i_condition_frame, averaged over 2 x 2; flow (2,256,256) of the same call; picture
    (3,256,256) 0..1.
  d = flow in pixels of 256, averaged over 4 x 4, 8 x 8, 16 x 16 for the smaller scales; sample(F, d): bilinear at
    (x + d) * N / 256 with pixel centres at + 0.5, borders repeated.
Frame part, ReLU after each convolution unless said otherwise, up = nearest doubling, K = 3, padding 1; widths of "medium":
  c1 = conv(planes) 32@64          c2 = conv s2(c1) 64@32
  m2 = conv(c2 ++ sample(F32,d)) 64@32
  m3 = conv(conv s2(m2) ++ sample(F16,d)) 96@16, then the blocks "frame.motion.*"
  u2 = relu(m2 + conv(up m3)) 64@32
  h = conv(u2) 4@32, no ReLU: displacement / 8 px (2), gain of the mesh's flow, gate
  d' = (1 + h[2]) d + 8 h[0:2]; at 64 and 256 with h enlarged bilinearly (pixel centres at + 0.5)
  x = conv(u2 ++ sigmoid(h[3]) sample(F32,d')) 80@32, then the blocks "frame.decode.*"
  y = conv(up x) 48@64             z = conv(y ++ sample(F64,d')) 32@64
  w = sample(picture,d') 3@256     p = conv(up conv(up z) 16@128) 16@256
  o = sigmoid(conv(p ++ w ++ visible) 4@256)
  output = o[3] w + (1 - o[3]) o[0:3]
where visible is the plane of that name before it is averaged, enlarged (nearest).
Silhouette:
  s0 = conv s2(input) 16@64        s1 = block(conv s2(s0)) 32@32        s2 = block(conv s2(s1)) 64@16
  s3 = block(block(conv s2(s2))) 96@8
  r2 = relu(s2 + conv(up s3))      r1 = relu(s1 + conv(up r2))          r0 = relu(s0 + conv(up r1))
  silhouette = sigmoid(conv(r0) 1@64)
Every convolution is exported as "<name>.weight" fp16 (OC,IC,3,3) and "<name>.bias" fp32: the weight standardisation of
the training is folded. Blocks: x = relu(x + conv2(relu(conv1(x)))). "meta" holds the sizes as JSON.
"""
import json
import math

import torch
import torch.nn.functional as F
from torch import nn

SIDE = 256
SMALL = {"silhouette": (16, 32, 64, 96),
         "encoder": (32, 64, 96, 128, 160), "features": (32, 64, 128), "cond": (32, 64), "motion": 2, "decode": (96, 2),
         "up": (48, 32, 16)}
# Half of the operations, a quarter.
MEDIUM = {"silhouette": (16, 32, 64, 96),
          "encoder": (16, 32, 64, 96, 128), "features": (32, 64, 96), "cond": (32, 64), "motion": 2, "decode": (80, 2),
          "up": (48, 32, 16)}
TINY = {"silhouette": (16, 32, 64, 96),
        "encoder": (16, 32, 48, 64, 64), "features": (16, 32, 64), "cond": (16, 32), "motion": 2, "decode": (32, 2), "up": (32, 16, 16)}
CONFIGS = {"small": SMALL, "medium": MEDIUM, "tiny": TINY}
FLOW_UNIT = 8.0


class Conv(nn.Module):
    """3x3 convolution with standardised weights and a learned gain per output channel; plain=True: an ordinary one."""

    def __init__(self, i, o, stride=1, gain=1.0, plain=False):
        super().__init__()
        self.stride, self.plain = stride, plain
        self.raw = nn.Parameter(torch.randn(o, i, 3, 3) * (0.02 if plain else 1.0))
        self.bias = nn.Parameter(torch.zeros(o))
        if not plain:
            self.gain = nn.Parameter(torch.full((o, 1, 1, 1), float(gain)))

    def weight(self):
        if self.plain:
            return self.raw
        w = self.raw.float()
        var, mean = torch.var_mean(w, (1, 2, 3), keepdim=True)
        return (w - mean) * (torch.rsqrt(var * w[0].numel() + 1e-6) * self.gain * math.sqrt(2))

    def forward(self, x):
        return F.conv2d(x, self.weight().to(x.dtype), self.bias.to(x.dtype), self.stride, 1)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = Conv(c, c), Conv(c, c, gain=0.1)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


def up(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def base_grid(side, device):
    a = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) * (2 / side) - 1
    return torch.stack([a[None, :].expand(side, side), a[:, None].expand(side, side)], -1)[None]


def sample(x, d):
    """x (B,C,n,n) at displacement d (B,2,N,N) in pixels of 256; the result has d's size and x's type."""
    grid = base_grid(d.shape[2], d.device) + d.permute(0, 2, 3, 1).float() * (2 / SIDE)
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False).to(x.dtype)


class Encoder(nn.Module):
    def __init__(self, widths, features):
        super().__init__()
        w0, w1, w2, w3, w4 = widths
        self.stem = Conv(16, w0)
        self.down1, self.down2, self.down3, self.down4 = (Conv(a, b, 2) for a, b in zip(widths, widths[1:]))
        self.b1 = nn.ModuleList([Block(w1)])
        self.b2 = nn.ModuleList([Block(w2), Block(w2)])
        self.b3 = nn.ModuleList([Block(w3), Block(w3), Block(w3)])
        self.b4 = nn.ModuleList([Block(w4), Block(w4)])
        self.up3, self.up2, self.up1 = Conv(w4, w3), Conv(w3, w2), Conv(w2, w1)
        self.out1, self.out2, self.out3 = (Conv(w, f) for w, f in zip((w1, w2, w3), features))

    def forward(self, x):
        """(B,16,128,128) -> features at 64, 32 and 16."""
        def run(blocks, y):
            for block in blocks:
                y = block(y)
            return y
        e1 = run(self.b1, torch.relu(self.down1(torch.relu(self.stem(x)))))
        e2 = run(self.b2, torch.relu(self.down2(e1)))
        e3 = run(self.b3, torch.relu(self.down3(e2)))
        e4 = run(self.b4, torch.relu(self.down4(e3)))
        t3 = torch.relu(e3 + self.up3(up(e4)))
        t2 = torch.relu(e2 + self.up2(up(t3)))
        t1 = torch.relu(e1 + self.up1(up(t2)))
        return self.out1(t1), self.out2(t2), self.out3(t3)


class Silhouette(nn.Module):
    PLANES = (0, 1, 2, 9, 15)  # of the encoder's input

    def __init__(self, widths):
        super().__init__()
        w0, w1, w2, w3 = widths
        self.stem, self.down1, self.down2, self.down3 = (Conv(a, b, 2) for a, b in zip((len(self.PLANES), *widths), widths))
        self.b1, self.b2, self.b3 = (nn.ModuleList([Block(c) for _ in range(n)]) for c, n in ((w1, 1), (w2, 1), (w3, 2)))
        self.up2, self.up1, self.up0 = Conv(w3, w2), Conv(w2, w1), Conv(w1, w0)
        self.last = Conv(w0, 1, plain=True)
        nn.init.zeros_(self.last.raw)
        nn.init.constant_(self.last.bias, 5.0)  # until it has learnt: all moves with the person

    def forward(self, x):
        """(B,5,128,128) -> (B,1,64,64) before the sigmoid, fp32."""
        s0 = torch.relu(self.stem(x))
        s1 = self.b1[0](torch.relu(self.down1(s0)))
        s2 = self.b2[0](torch.relu(self.down2(s1)))
        s3 = self.b3[1](self.b3[0](torch.relu(self.down3(s2))))
        r2 = torch.relu(s2 + self.up2(up(s3)))
        r1 = torch.relu(s1 + self.up1(up(r2)))
        r0 = torch.relu(s0 + self.up0(up(r1)))
        return self.last(r0).float()


class Frame(nn.Module):
    def __init__(self, features, cond, motion, decode, ups):
        super().__init__()
        f1, f2, f3 = features
        c1, c2 = cond
        self.cond1, self.cond2 = Conv(16, c1), Conv(c1, c2, 2)
        self.mix2, self.down3, self.mix3 = Conv(c2 + f2, c2), Conv(c2, f3, 2), Conv(2 * f3, f3)
        self.motion = nn.ModuleList([Block(f3) for _ in range(motion)])
        self.up2 = Conv(f3, c2)
        self.flow = Conv(c2, 4, plain=True)
        nn.init.zeros_(self.flow.raw)
        width, blocks = decode
        self.fuse = Conv(c2 + f2, width)
        self.decode = nn.ModuleList([Block(width) for _ in range(blocks)])
        self.up1, self.mix1, self.up0 = Conv(width, ups[0]), Conv(ups[0] + f1, ups[1]), Conv(ups[1], ups[2])
        self.detail = Conv(ups[2], ups[2], gain=math.sqrt(0.5))
        self.last = Conv(ups[2] + 4, 4, plain=True)
        with torch.no_grad():
            self.detail.raw.mul_(0.01)[range(ups[2]), range(ups[2]), 1, 1] += 1  # almost no change
            self.flow.bias[3] = 2.0
            self.last.bias[3] = 3.0

    def forward(self, features, planes, flow, picture):
        """-> output (B,3,256,256) 0..1, and what it was made of: warped source, mask (B,1,256,256), painted picture, the displacement d'
        (B,2,256,256) that warped. fp32."""
        f1, f2, f3 = features
        d64 = F.avg_pool2d(flow, 4)
        d32 = F.avg_pool2d(d64, 2)
        d16 = F.avg_pool2d(d32, 2)
        c2 = torch.relu(self.cond2(torch.relu(self.cond1(F.avg_pool2d(planes, 2)))))
        m2 = torch.relu(self.mix2(torch.cat([c2, sample(f2, d32)], 1)))
        m3 = torch.relu(self.mix3(torch.cat([torch.relu(self.down3(m2)), sample(f3, d16)], 1)))
        for block in self.motion:
            m3 = block(m3)
        u2 = torch.relu(m2 + self.up2(up(m3)))
        h = self.flow(u2).float()

        def refined(d, k):
            g = h if k == 1 else F.interpolate(h, scale_factor=k, mode="bilinear", align_corners=False)
            return (1 + g[:, 2:3]) * d + FLOW_UNIT * g[:, :2]
        v2 = sample(f2, refined(d32, 1)) * torch.sigmoid(h[:, 3:]).to(f2.dtype)
        x = torch.relu(self.fuse(torch.cat([u2, v2], 1)))
        for block in self.decode:
            x = block(x)
        y = torch.relu(self.up1(up(x)))
        z = torch.relu(self.mix1(torch.cat([y, sample(f1, refined(d64, 2))], 1)))
        moved = refined(flow, 8)
        warped = sample(picture, moved)
        o = torch.relu(self.detail(up(torch.relu(self.up0(up(z))))))
        o = torch.sigmoid(self.last(torch.cat([o, warped.to(o.dtype), up(planes[:, 12:13]).to(o.dtype)], 1)).float())
        mask = o[:, 3:]
        return mask * warped + (1 - mask) * o[:, :3], warped, mask, o[:, :3], moved


class Reenact(nn.Module):
    def __init__(self, config=None):
        super().__init__()
        c = self.config = dict(config or SMALL)
        self.silhouette = Silhouette(c["silhouette"])
        self.encoder = Encoder(c["encoder"], c["features"])
        self.frame = Frame(c["features"], c["cond"], c["motion"], c["decode"], c["up"])

    @staticmethod
    def look(picture, maps, valid):
        """picture (B,3,256,256) 0..1, maps (B,12,256,256), valid (B,1,256,256) -> what the encoder sees."""
        return F.avg_pool2d(torch.cat([2 * picture - 1, maps, valid], 1), 2)

    def encode(self, picture, maps, valid):
        return self.encoder(self.look(picture, maps, valid))

    def outline(self, picture, maps, valid):
        """The silhouette (B,1,64,64), 0..1."""
        return torch.sigmoid(self.silhouette(self.look(picture, maps, valid)[:, Silhouette.PLANES]))

    def forward(self, picture, maps, valid, planes, flow):
        return self.frame(self.encode(picture, maps, valid), planes, flow, picture)

    def folded(self):
        """{name: fp32 tensor} of what the library runs."""
        out = {}
        for name, m in self.named_modules():
            if isinstance(m, Conv):
                out[name + ".weight"] = m.weight().detach().float().cpu()
                out[name + ".bias"] = m.bias.detach().float().cpu()
        return out

    def unfold(self, tensors):
        """Takes over exported weights, to train on: each channel's norm becomes its gain."""
        for name, m in self.named_modules():
            if isinstance(m, Conv):
                w = torch.tensor(tensors[name + ".weight"].astype("float32"))
                norm = 1 if m.plain else w.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-6)
                m.raw.data.copy_(w / norm)
                m.bias.data.copy_(torch.tensor(tensors[name + ".bias"]))
                if not m.plain:
                    m.gain.data.copy_(norm / math.sqrt(2))

    def meta(self, **note):
        return json.dumps({"side": SIDE, "flow_unit": FLOW_UNIT, "config": self.config, **note})


class Discriminator(nn.Module):
    """Patch discriminator: is this 70-pixel patch of a real picture? Sees inside and position code as well."""

    def __init__(self, width=48):
        super().__init__()
        sn = nn.utils.parametrizations.spectral_norm
        sizes = [7, width, 2 * width, 4 * width, 4 * width]
        self.layers = nn.ModuleList([sn(nn.Conv2d(a, b, 4, 2 if k < 3 else 1, 1))
                                     for k, (a, b) in enumerate(zip(sizes, sizes[1:]))])
        self.out = sn(nn.Conv2d(4 * width, 1, 4, 1, 1))

    def forward(self, picture, planes):
        x = torch.cat([2 * picture - 1, up(torch.cat([planes[:, :3], planes[:, 6:7]], 1))], 1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.out(x), features


def flops(config=None):
    """(encoder, frame) multiply-adds x 2 of the convolutions at 256 x 256."""
    net, total = Reenact(config), {}

    def hook(m, inputs, result):
        part = total["now"]
        total[part] = total.get(part, 0) + 2 * m.raw.numel() * result.shape[2] * result.shape[3]
    for m in net.modules():
        if isinstance(m, Conv):
            m.register_forward_hook(hook)
    with torch.no_grad():
        p = torch.zeros(1, 3, SIDE, SIDE)
        total["now"] = "encoder"
        features = net.encode(p, torch.zeros(1, 12, SIDE, SIDE), p[:, :1])
        total["now"] = "frame"
        net.frame(features, torch.zeros(1, 16, SIDE // 2, SIDE // 2), p[:, :2], p)
    return total["encoder"], total["frame"]


if __name__ == "__main__":
    for label, value in zip(("encoder", "frame"), flops()):
        print(f"{label}: {value / 1e9:.2f} GFLOP, {sum(q.numel() for q in getattr(Reenact(), label).parameters()) / 1e6:.2f} M")
