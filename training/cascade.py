# SPDX-License-Identifier: MIT
"""The cascade as one command: label -> coarse -> reenact -> synthesise -> expression -> evaluate.

  python3 training/cascade.py DATA_FOLDER work/                       everything, at full size
  python3 training/cascade.py DATA_FOLDER work/ --gpus 4              the reenactment network under torchrun
  python3 training/cascade.py DATA_FOLDER work/ --stages synthesise,expression,evaluate
  python3 training/cascade.py DATA_FOLDER work/ --again coarse        anew from there
  python3 training/cascade.py DATA_FOLDER work/ --smoke               a few steps of everything: minutes on a processor, a test

It only calls the scripts that docs/training.md tells of, one after the other. A step that is done leaves work/steps/NAME.json and is not done
again; one that was interrupted goes on where its script left off. work/weights/ holds what was trained; work/results/ the experiment: the
coarse network alone, and the expression network trained on rendered heads, on synthesised videos, and on both, each with the same photos;
last, the coarse and the expression network trained on together from there, and the expression network once more on the crops that the new
coarse network makes, which is what work/weights/ holds in the end. The face finder is not part of the cascade (docs/finder.md): the
repository's is used. The library has to be built (make).
"""
import argparse
import glob
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
STAGES = ("label", "coarse", "reenact", "synthesise", "expression", "evaluate")
VARIANTS = {"rendered": ("rendered",), "videos": ("videos",), "both": ("rendered", "videos")}
TITLES = {"coarse": "coarse alone", "rendered": "rendered heads", "videos": "synthesised videos", "both": "both", "joint": "both, coarse network trained along"}
# What the smoke test makes do with.
FULL = {"rounds": 3, "rendered": 16000, "rendered_val": 1000, "chunk": 1000, "videos": 20000, "video_chunk": 960, "frames": 12}
SMOKE = {"rounds": 1, "rendered": 16, "rendered_val": 16, "chunk": 16, "videos": 24, "video_chunk": 24, "frames": 4}


class Step:
    """products: what it leaves; command: an argument list or a function."""

    def __init__(self, stage, name, products, command):
        self.stage, self.name, self.command = stage, name, command
        self.products = products if isinstance(products, list) else [products]


def link(source, target):
    """A hard link, or a copy where there cannot be one."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.exists(target):
        os.remove(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def gather(sources, target):
    """A folder with the npz files of these patterns."""
    os.makedirs(target, exist_ok=True)
    count = 0
    for pattern in sources:
        for path in glob.glob(pattern):
            if not path.endswith(".new.npz"):
                link(path, os.path.join(target, os.path.basename(path)))
                count += 1
    if not count:
        raise SystemExit(f"nothing in {', '.join(sources)}")


class Cascade:
    def __init__(self, args):
        self.args, self.size = args, SMOKE if args.smoke else FULL
        self.steps = list(self.plan())

    def path(self, *parts):
        return os.path.join(self.args.work, *parts)

    def script(self, name, *arguments):
        return [sys.executable, os.path.join(HERE, name)] + [str(a) for a in arguments]

    def training(self, share, batch, steps=2):
        """Options of a training: its share of --minutes, or a few steps."""
        if self.args.smoke:
            return ["--smoke", steps, "--batch", batch]
        return ["--minutes", self.args.minutes * share]

    def plan(self):
        a, size, path, script, data = self.args, self.size, self.path, self.script, self.args.data
        head, labels, cache = path("weights", "head.jr2w"), path("labels.npz"), path("cache.npy")
        weights, coarse = path("weights"), path("coarse", "best.jr2w")
        processes = ["--processes", a.processes]

        def build(output, *options):
            return script("head/build_head.py", data, output, *options)
        first = head if a.head else path("head_first.jr2w")
        yield Step("label", "head first", first, lambda: link(a.head, first) if a.head else self.call(build(first)))
        yield Step("label", "labels", labels, script("labels/fit_labels.py", data, first, labels, "--rounds", size["rounds"]))
        yield Step("label", "cache", cache, script("render/make_set.py", "cache", data, labels, cache))
        if not a.head:
            offset, albedo = path("head_offset.jr2w"), path("albedo.npz")
            yield Step("label", "head offset", offset, build(offset, "--offset", labels))
            yield Step("label", "albedo", albedo, script("head/fit_albedo.py", offset, labels, cache, albedo))
            yield Step("label", "head", head, build(head, "--offset", labels, "--albedo", albedo))
        for name, seed, more in (("rendered", 2, []), ("rendered_val", 9, ["--val"])):
            yield Step("coarse", name, path(name), script("render/make_set.py", "render", head, labels, cache, path(name), "--count", size[name],
                                                          "--chunk", size["chunk"], "--seed", seed, *processes, *more))
        yield Step("coarse", "coarse", path("coarse"), script(
            "coarse/train.py", data, head, labels, cache, path("rendered"), path("coarse"), *self.training(1, 8),
            *(["--init", os.path.join(a.start, "coarse.jr2w")] if a.start else [])))
        yield Step("coarse", "coarse weights", path("weights", "coarse.jr2w"), lambda: link(coarse, path("weights", "coarse.jr2w")))
        yield Step("reenact", "bundle", path("bundle"), script("reenact/bundle.py", data, labels, cache, path("bundle"), "--limit", 64,
                                                         *(["--silhouettes", os.path.abspath(a.silhouettes)] if a.silhouettes else [])))
        run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(a.gpus)] if a.gpus > 1 else [sys.executable]
        yield Step("reenact", "reenact", path("reenact"), run + script(
            "reenact/train.py", path("bundle"), path("reenact"), "--head", head, "--coarse", coarse,
            *self.training(2, 1, 1), *(["--cpu"] if a.smoke else ["--adversarial-from", 0.6]))[1:])
        trained, reenact, find = path("reenact", "reenact.jr2w"), path("weights", "reenact.jr2w"), path("weights", "find.jr2w")
        yield Step("reenact", "reenact weights", reenact, script(
            "reenact/train_silhouette.py", path("bundle"), trained, reenact, "--head", head, *self.training(0.4, 4))
            if a.silhouettes else lambda: link(trained, reenact))
        yield Step("reenact", "find weights", find, lambda: link(os.path.join(ROOT, "weights", "find.jr2w"), find))
        yield Step("synthesise", "videos", path("videos"), script(
            "synthesise/make_videos.py", data, weights, labels, path("videos"), "--count", size["videos"], "--chunk", size["video_chunk"],
            "--frames", size["frames"], *processes, "--sheet", path("videos.jpg"), *(["--tolerance", 50] if a.smoke else [])))

        def prepare(target, by):
            """Crops as this coarse network makes them: target_val, target_rendered, target_videos."""
            for source, what, options in (("rendered_val", "val", ["--val"]), ("rendered", "rendered", []), ("videos", "videos", ["--real", 0])):
                folder = path(f"{target}_{what}")
                yield Step("expression", f"{target} {what}", folder, script("expression/prepare.py", data, head, labels, cache, path(source), by, folder,
                                                                            *processes, *options))
        yield from prepare("prepared", coarse)
        for name, parts in VARIANTS.items():
            folder, run = path("sets", name), path("expression_" + name)
            sources = [path(f"prepared_{p}", "*.npz") for p in parts] + [path("prepared_rendered", "real*.npz")]
            yield Step("expression", "set " + name, folder, lambda sources=sources, folder=folder: gather(sources, folder))
            yield Step("expression", "expression " + name, run, script("expression/train.py", data, head, folder, path("prepared_val"), run,
                                                                       "--coarse", coarse, *self.training(1, 8), *shlex.split(a.expression_options)))
        yield Step("expression", "joint", path("joint"), script(
            "expression/train.py", data, head, path("sets", "both"), path("prepared_val"), path("joint"), "--coarse", coarse, "--init",
            path("expression_both", "best.jr2w"), "--joint", "--far-until", 0, "--trunk-rate", 1, "--rate", 8e-4, *self.training(1, 8)))
        along, last = path("joint", "coarse.jr2w"), path("expression_joint")
        yield from prepare("joint", along)
        crops = [path("joint_rendered", "*.npz"), path("joint_videos", "*.npz")]
        yield Step("expression", "set joint", path("sets", "joint"), lambda: gather(crops, path("sets", "joint")))
        yield Step("expression", "expression joint", last, script(
            "expression/train.py", data, head, path("sets", "joint"), path("joint_val"), last, "--coarse", along, "--init", path("joint", "best.jr2w"),
            "--far-until", 0, "--trunk-rate", 1, "--rate", 5e-4, *self.training(0.25, 8)))
        for name, made in (("expression", path("expression_joint", "best.jr2w")), ("coarse", along)):
            final = path("weights", name + ".jr2w")
            yield Step("expression", name + " weights, joint", final, lambda made=made, final=final: link(made, final))
        results = []
        for name in TITLES:
            folder, result = path("variants", name), path("results", name + ".json")
            results.append(f"{TITLES[name]}={result}")
            yield Step("evaluate", "variant " + name, folder, lambda name=name, folder=folder: self.variant(name, folder))
            yield Step("evaluate", "measure " + name, result, script("experiment.py", "measure", data, labels, path("rendered_val"), folder, result,
                                                                     *(["--limit", 6] if a.smoke else [])))
        page = path("results", "results-expression.md")
        yield Step("evaluate", "results", page, script("experiment.py", "merge", page, *results))

    def variant(self, name, folder):
        for part in ("head", "find", "reenact"):
            link(self.path("weights", part + ".jr2w"), os.path.join(folder, part + ".jr2w"))
        link(self.path("joint", "coarse.jr2w") if name == "joint" else self.path("coarse", "best.jr2w"), os.path.join(folder, "coarse.jr2w"))
        if name != "coarse":
            link(self.path("expression_" + name, "best.jr2w"), os.path.join(folder, "expression.jr2w"))

    def call(self, command):
        status = subprocess.call(command)
        if status:
            raise SystemExit(f"failed with {status}: {' '.join(command)}")

    def marker(self, step):
        return self.path("steps", step.name.replace(" ", "_") + ".json")

    def forget(self, stage):
        """Takes away what this stage and those after it have left."""
        for step in self.steps:
            if STAGES.index(step.stage) < STAGES.index(stage):
                continue
            for product in step.products + [self.marker(step)]:
                if os.path.isdir(product):
                    shutil.rmtree(product)
                elif os.path.exists(product):
                    os.remove(product)

    def run(self):
        os.makedirs(self.path("steps"), exist_ok=True)
        os.makedirs(self.path("weights"), exist_ok=True)
        os.makedirs(self.path("results"), exist_ok=True)
        for step in self.steps:
            if step.stage not in self.args.stages:
                continue
            marker = self.marker(step)
            if os.path.exists(marker) and all(os.path.exists(p) for p in step.products):
                print(f"[{step.stage}] {step.name}: done before", flush=True)
                continue
            print(f"[{step.stage}] {step.name}", flush=True)
            start = time.time()
            if callable(step.command):
                step.command()
            else:
                self.call(step.command)
            missing = [p for p in step.products if not os.path.exists(p)]
            if missing:
                raise SystemExit(f"{step.name} did not make {', '.join(missing)}")
            with open(marker + ".new", "w") as f:
                json.dump({"seconds": round(time.time() - start, 1), "command": None if callable(step.command) else step.command}, f)
            os.replace(marker + ".new", marker)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("work")
    parser.add_argument("--stages", default=",".join(STAGES), help="comma-separated [all]")
    parser.add_argument("--again", choices=STAGES, help="forget this stage and all behind it first")
    parser.add_argument("--minutes", type=float, default=60, help="of the coarse and each expression training; the reenactment network takes twice that")
    parser.add_argument("--gpus", type=int, default=1, help="more than one: torchrun for the reenactment network")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--head", help="a head model to take instead of building one from the data")
    parser.add_argument("--start", help="folder of weights whose coarse network is trained on instead of one from nothing")
    parser.add_argument("--silhouettes", help="those of training/reenact/silhouettes.py; without them all that lies around a head moves with it")
    parser.add_argument("--expression-options", default="--far-until 0.5", help="further options of training/expression/train.py [%(default)s]")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    args.data, args.work = os.path.abspath(args.data), os.path.abspath(args.work)
    args.stages = args.stages.split(",")
    unknown = [s for s in args.stages if s not in STAGES]
    if unknown:
        parser.error(f"no stage {unknown[0]}; there are {', '.join(STAGES)}")
    if not os.path.exists(os.path.join(args.data, "photos.npz")):
        parser.error(f"{args.data} has no photos.npz: it is not the data folder")
    if not os.path.exists(os.environ.get("JR2_LIBRARY", os.path.join(ROOT, "build", "libjr2.so.0"))):
        parser.error("the library is not built: run make")
    cascade = Cascade(args)
    if args.again:
        cascade.forget(args.again)
    cascade.run()


if __name__ == "__main__":
    main()
