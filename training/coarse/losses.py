# SPDX-License-Identifier: MIT
"""What the coarse network is taught, by its own training and by that of the expression network."""
import torch
import torch.nn.functional as F


def losses(decoder, out, t, aux=None):
    """out (N,OUTPUT) and, where there are any, landmarks found without the face model (N,478,2), against what is true of the crops -> loss
    (N), numbers to print."""
    p = decoder.decode(out)
    kind = t["kind"]
    flipped = (kind >= 10).float()
    synthetic = (kind % 10 >= 1).float()
    size = t["scale"] * 9.0  # about the outer-eye distance in crop pixels
    w = decoder.weight[None, :, None]

    def point_loss(q):
        d = (q - t["points"]) / size[:, None, None]
        gaps = d[:, decoder.pairs[:, 0]] - d[:, decoder.pairs[:, 1]]
        return (F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.01, reduction="none") * w).mean((1, 2)), gaps.abs().mean((1, 2))
    landmark, gap = point_loss(p["points"])
    own = 1 - flipped
    db = p["identity"] - t["identity"]
    # Squares, not absolute values: most coefficients are 0 in most faces, and the median of a doubtful one is 0.
    moved = db @ decoder.shape_basis
    shape = moved.abs().mean(1) * own
    shape_square = moved.square().mean(1) * own * (0.5 + 0.5 * synthetic)
    prior = db.square().mean(1) * own
    de = p["expression"] - t["expression"]
    e_weight = 0.3 + 0.7 * synthetic
    expression = (decoder.coefficient * de.square()).mean(1) * e_weight
    geometry = (de @ decoder.expression_basis).square().mean(1) * e_weight
    rotation = (p["rotation"] - t["rotation"]).abs().mean((1, 2)) * (0.5 + 0.5 * synthetic)
    has_light = (t["light"].abs().sum(1) > 0).float() * own   # a mirrored picture's light is not mirrored with it
    light = (p["light"] - t["light"]).abs().mean(1) * has_light
    albedo = (p["albedo"] - t["albedo"]).abs().mean(1) * has_light
    error = ((p["points"].detach() - t["points"]).norm(dim=2).mean(1) / size).clamp(1e-4).log()
    confidence = (p["log_error"][:, 0] + 4 - error).abs()
    total = (40 * landmark + 30 * gap + 10 * shape_square + 0.05 * prior + 100 * expression
             + 60 * geometry + 6 * rotation + 0.5 * light + 0.1 * albedo + 0.02 * confidence)
    if aux is not None:
        total = total + 15 * point_loss(aux)[0]

    def over(x, m):
        return float((x.detach() * m).sum() / m.sum().clamp(min=1))
    nme = (p["points"] - t["points"])[:, :468].norm(dim=2).mean(1) / size
    parts = {"real": over(nme, 1 - synthetic), "synth": over(nme, synthetic), "shape": over(shape, synthetic * own),
             "expr": over(de.abs().mean(1), synthetic), "rot": float(rotation.detach().mean()), "light": over(light, has_light)}
    return total, parts
