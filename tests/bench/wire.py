#!/usr/bin/env python3
"""The gateway on the wire, beside others: what it adds to requests and streams, and its bar.

    tests/bench/wire.py --build build [--quick] [--targets direct,nginx,ours] [--json FILE]

A load generator and a mock provider (tests/bench/wire) on one CPU, the gateway between them on
another. Each round meets all targets in a new order; a figure is the median of the quieter half of
the rounds, and `others` is what the rest of the machine did meanwhile, in CPUs: above 0.3 nothing
here can be trusted (marked ?). Added: over `direct` in the same round, which has one wake-up across
CPUs less for each hop, so compare with nginx. Nothing here passes or fails.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import wire_targets as wt

KB = 1024
LOAD_SECONDS = 90
ROUNDS_SECONDS = 140  # then one round must do: on a busy machine the whole has an end too
QUIET = 0.3
OURS = ("ours", "ours-strip")
SMALL = ["-b", 8 * KB]


def busy():
    """Seconds all CPUs have worked."""
    with open("/proc/stat", encoding="ascii") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    return (sum(v) - v[3] - v[4]) / os.sysconf("SC_CLK_TCK")


def median(values):
    values = [x for x in values if x is not None]
    return statistics.median(values) if values else None


def show(x, digits=1):
    if x is None:
        return "-"
    return x if isinstance(x, str) else f"{x:.{digits if abs(x) < 100 else 0}f}"


def table(title, columns, rows):
    print("\n" + title)
    rows = [columns] + [[show(x) for x in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        print("  " + "  ".join(x.ljust(w) if i == 0 else x.rjust(w)
                               for i, (x, w) in enumerate(zip(row, widths))))
    sys.stdout.flush()


class Bench:
    def __init__(self, stack, top, arguments):
        build = arguments.build.resolve()
        self.load_program = build / "tests/bench/wire/load"
        self.mock = wt.Process(stack, top, "mock", wt.OTHERS_CPU, [build / "tests/bench/wire/mock"],
                               out=subprocess.PIPE)
        self.port = int(self.mock.p.stdout.readline().split()[1])
        self.targets = wt.start_all(stack, top, self.port, build, arguments.targets)
        self.random = random.Random(time.time_ns())
        self.quick = arguments.quick
        self.json = stack.enter_context(open(arguments.json, "w", encoding="utf-8")) \
            if arguments.json else None
        self.cells = {}
        self.resets = True
        self.began = time.monotonic()

    def names(self):
        return [t.name for t in self.targets]

    def stats(self):
        if self.mock.p.poll() is not None:
            sys.exit(f"the mock ended: {self.mock.why()}")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as r:
            return json.load(r)

    def start_load(self, target, api, options):
        argv = wt.pinned(wt.OTHERS_CPU, [self.load_program, *target.options(api), *options],
                         signal.SIGKILL)
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_load(self, process):
        try:
            out, why = process.communicate(timeout=LOAD_SECONDS)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            sys.exit(f"load: status {process.returncode}: {why}")
        return json.loads(out)

    def measure(self, target, api, options, beside=None):
        """One run of the load, and what the target used for it."""
        p = target.process
        if p is not None and not p.reset_peak():
            self.resets = False
        before = self.stats(), busy(), self.mock.cpu(), time.monotonic()
        rss, cpu = (p.memory("VmRSS"), p.cpu()) if p else (0, 0)
        background = self.start_load(target, api, beside) if beside else None
        try:
            j = self.end_load(self.start_load(target, api, options))
        except BaseException:
            if background:
                background.kill()
            raise
        j["beside"] = self.end_load(background) if background else None
        j["cpu_target"] = p.cpu() - cpu if p else 0
        mine = j["cpu_target"] + j["cpu"] + self.mock.cpu() - before[2]
        mine += j["beside"]["cpu"] if background else 0
        j["others"] = max(0, busy() - before[1] - mine) / (time.monotonic() - before[3])
        after = self.stats()
        j["events"] = after["events"] - before[0]["events"]
        j["rss"], j["peak"] = rss, p.memory("VmHWM") if p else 0
        j["bad"] = sum(j["errors"].values())
        if background:
            j["bad"] += sum(j["beside"]["errors"].values())
        return j

    def cell(self, name, options, rounds=1, api="messages", leave_out=(), beside=None):
        """Rounds of one kind of load: {target: [run, ...]}, the same round at the same place."""
        targets = [t for t in self.targets if t.name not in leave_out]
        runs = {t.name: [] for t in targets}
        for number in range(1 if self.quick else rounds):
            if number and time.monotonic() - self.began > ROUNDS_SECONDS:
                break
            of_round = {}
            # the npm gateway is slow, and one look at it is enough
            now = [t for t in targets if number == 0 or t.name != "npm"]
            for t in self.random.sample(now, len(now)):
                j = of_round[t.name] = self.measure(t, api, options, beside)
                runs[t.name].append(j)
                if self.json:
                    self.json.write(json.dumps(dict(j, cell=name, target=t.name, round=number)) + "\n")
                if j["bad"]:
                    print(f"  errors: {name}: {t.name}: {j['errors']} {j['error']}")
            for j in of_round.values():
                j["direct"] = of_round.get("direct")
        self.cells[name] = self.quieter(runs)
        return self.cells[name]

    @staticmethod
    def quieter(runs):
        n = max(len(v) for v in runs.values())
        order = sorted(range(n), key=lambda i: sum(v[i]["others"] for v in runs.values() if len(v) == n))
        keep = order[:(n + 1) // 2]
        return {name: [v[i] for i in keep if i < len(v)] or v for name, v in runs.items()}


def of(cell, name, figure):
    """The median of a figure of a target in a cell; None without it."""
    return median([figure(j) for j in cell.get(name, []) if j["done"]])


def added(cell, name, key, quantile):
    """Over direct, in the same round."""
    return median([j[key][quantile] - j["direct"][key][quantile] for j in cell.get(name, [])
                   if j["done"] and j["direct"] and j["direct"]["done"]])


def events_per_second(j):
    return j["events"] / j["elapsed"] if j["done"] else None


def others(cell):
    worst = max(median([j["others"] for j in runs]) for runs in cell.values())
    return f"{worst:.2f}" + ("?" if worst > QUIET else "")


def errors(cell, name):
    return str(sum(j["bad"] for j in cell[name]))


def per(total, count):
    return total / count * 1e6 if count else None


def json_answers(b):
    """Closed loops, each connection with a request at a time."""
    seconds = ["-d", 0.6, "-w", 0.15]
    cells = [(100, 1), (100, 16), (1024, 1), (100, 1000)] if b.quick else \
        [(100, 1), (100, 16), (100, 128), (1024, 1), (1024, 16), (1024, 128), (100, 1000), (1024, 1000)]
    for size, connections in cells:
        many = connections > 16 or size * connections > 1600
        huge = size * connections > 200 * KB
        cell = b.cell(f"json {size} {connections}", ["-b", size * KB, "-c", connections, *seconds],
                      1 if huge else 2 if many else 3, leave_out=("npm",) if many else ())
        json_table(f"JSON, Messages, request of {size} KB, {connections} connections", cell)
    if not b.quick:
        cell = b.cell("responses json", ["-b", 100 * KB, "-c", 16, *seconds], 2, "responses")
        json_table("JSON, Responses, request of 100 KB, 16 connections", cell)


def json_table(title, cell):
    table(f"{title} (others {others(cell)})",
          ["", "p50 us", "+p50", "p99", "+p99", "requests/s", "cpu us", "peak MB", "errors"],
          [[n, of(cell, n, lambda j: j["latency"]["p50"]), added(cell, n, "latency", "p50"),
            of(cell, n, lambda j: j["latency"]["p99"]), added(cell, n, "latency", "p99"),
            of(cell, n, lambda j: j["rps"]), of(cell, n, lambda j: per(j["cpu_target"], j["done"])),
            of(cell, n, lambda j: j["peak"]), errors(cell, n)] for n in cell])


def streams(b):
    """Paced streams: how late each event comes. A call is held until it is whole."""
    for n, events, interval, rounds in ((1, 60, 20000, 2), (16, 60, 20000, 3), (128, 60, 20000, 2),
                                        (1000, 12, 100000, 2)):
        if b.quick and n == 128:
            continue
        deltas = ["-s", events * 3 // 5, "-C", events * 2 // 5, "-i", interval, "-R", 24, "-t"]
        cell = b.cell(f"sse {n}", SMALL + ["-c", n, "-n", n, *deltas],
                      rounds, leave_out=("npm",) if n > 128 else ())
        sse_table(f"SSE, Messages, {n} streams, an event each {interval // 1000} ms", cell)
    if not b.quick:
        cell = b.cell("responses sse", SMALL + ["-c", 16, "-n", 16, "-s", 36, "-C", 24, "-i", 20000,
                                                "-R", 24, "-t"], 2, "responses")
        sse_table("SSE, Responses, 16 streams, an event each 20 ms", cell)


def sse_table(title, cell):
    table(f"{title}: delay (others {others(cell)})",
          ["", "text p50 us", "+p50", "p99", "+p99", "held call p50", "+p50", "p99", "cpu us/event", "peak MB",
           "errors"],
          [[n, of(cell, n, lambda j: j["text"]["p50"]), added(cell, n, "text", "p50"),
            of(cell, n, lambda j: j["text"]["p99"]), added(cell, n, "text", "p99"),
            of(cell, n, lambda j: j["held"]["p50"]), added(cell, n, "held", "p50"),
            of(cell, n, lambda j: j["held"]["p99"]),
            of(cell, n, lambda j: per(j["cpu_target"], j["events"])),
            of(cell, n, lambda j: j["peak"]), errors(cell, n)] for n in cell])


def burst(b):
    cell = b.cell("burst", SMALL + ["-c", 16, "-n", 128, "-s", 2400, "-C", 1600, "-R", 24], 3)
    table("SSE burst, 16 streams at a time, 4,000 deltas each, a call of 1,600 among them "
          f"(others {others(cell)})",
          ["", "events/s", "cpu us/event", "peak MB", "errors"],
          [[n, of(cell, n, events_per_second),
            show(of(cell, n, lambda j: per(j["cpu_target"], j["events"])), 3),
            of(cell, n, lambda j: j["peak"]), errors(cell, n)] for n in cell])


def memory(b):
    slow = b.cell("slow", SMALL + ["-c", 8, "-n", 8, "-s", 20000, "-C", 40, "-R", 400, "-k", 64 * KB])
    idle = b.cell("idle", SMALL + ["-c", 1000, "-n", 1000, "-s", 2, "-C", 1, "-i", 400000, "-R", 24],
                  leave_out=("npm",))
    table(f"Memory: 8 slow readers of 10 MB; 1,000 idle streams (others {others(idle)})",
          ["", "slow: before MB", "grows by", "errors", "idle: before MB", "peak", "errors"],
          [[n, of(slow, n, lambda j: j["rss"]), of(slow, n, lambda j: j["peak"] - j["rss"]),
            errors(slow, n),
            of(idle, n, lambda j: j["rss"]), of(idle, n, lambda j: j["peak"]),
            errors(idle, n) if n in idle else "-"] for n in slow if n != "direct"])


def beside_large(b):
    cell = b.cell("beside", SMALL + ["-c", 32, "-n", 32, "-s", 45, "-C", 30, "-i", 20000, "-R", 24, "-t"], 2,
                  beside=["-b", KB * KB, "-c", 16, "-r", 20, "-d", 1.5, "-w", 0])
    table(f"Text of 32 streams beside requests of 1 MB at 20/s (others {others(cell)})",
          ["", "text p50 us", "p99", "max", "1 MB p50", "errors"],
          [[n, *[of(cell, n, lambda j, q=q: j["text"][q]) for q in ("p50", "p99", "max")],
            of(cell, n, lambda j: j["beside"]["latency"]["p50"]), errors(cell, n)] for n in cell])


def integrity(b):
    """Nothing is lost, changed or in another order: as the provider and as the client sees it."""
    n = 32 if b.quick else 100
    rows = []
    for api in wt.PATHS:
        sse = b.cell(f"same sse {api}", ["-c", 16, "-n", n, "-s", 48, "-C", 32, "-R", 30, "-a", "-S", 7], 1, api)
        whole = b.cell(f"same json {api}", ["-c", 16, "-n", n, "-R", 20000, "-a", "-S", 7], 1, api)
        # not counted as errors: where something is stripped, another body is what should arrive
        bodies = {t.name: b.measure(t, api, ["-c", 16, "-n", n, "-v", "-S", 8]) for t in b.targets}
        for name in b.names():
            def same(cell, name=name):
                if "direct" not in cell:
                    return "?"
                return "equal" if cell[name][0]["answers"] == cell["direct"][0]["answers"] else "DIFFER"
            rows.append([f"{name}, {api}", same(sse), same(whole), f"{bodies[name]['verified']}/{n}",
                         errors(sse, name), errors(whole, name),
                         str(bodies[name]["bad"] - bodies[name]["errors"]["verify"])])
    table(f"Bytes of {n} streams, {n} answers, {n} requests of 100 KB",
          ["", "events", "answers", "bodies that arrived as sent", "errors", "errors", "errors"], rows)


def ratio(a, b):
    return a / b if a is not None and b else None


def bar(b):
    """What issue 4 asks for, beside what was measured."""
    rows = []

    def row(what, name, goal, figure, at_least=False):
        cell = b.cells.get(name)
        if cell is None:
            return
        values = []
        for who in OURS:
            x = figure(cell, who) if who in cell else None
            reached = x is not None and (x >= goal if at_least else x <= goal)
            values.append(show(x, 2) + ("" if reached or x is None else " !"))
        rows.append([what, (">= " if at_least else "<= ") + show(goal, 2), *values, others(cell)])

    def over_nginx(figure):
        return lambda cell, who: ratio(figure(cell, who), figure(cell, "nginx"))

    def more(key, q):
        return over_nginx(lambda cell, who: added(cell, who, key, q))

    def median_of(figure):
        return lambda cell, who: of(cell, who, figure)

    row("100 KB, 1 connection: added p50 / nginx's", "json 100 1", 1.25, more("latency", "p50"))
    row("100 KB, 16 connections: requests/s / nginx's", "json 100 16", 0.60,
        over_nginx(median_of(lambda j: j["rps"])), True)
    row("1 MB, 1 connection: added p50 / nginx's", "json 1024 1", 2.0, more("latency", "p50"))
    row("CPU per 100 KB request / nginx's", "json 100 16", 1.7,
        over_nginx(median_of(lambda j: per(j["cpu_target"], j["done"]))))
    for n in (1, 16, 128, 1000):
        for q in ("p50", "p99"):
            row(f"text event, {n} streams: added {q} / nginx's", f"sse {n}", 1.2, more("text", q))
    for n in (1, 16, 128, 1000):
        row(f"held call, {n} streams: added p50 us from its last byte", f"sse {n}", 100,
            lambda cell, who: added(cell, who, "held", "p50"))
    row("burst, 16 streams: events/s / nginx's", "burst", 0.90,
        over_nginx(median_of(events_per_second)), True)
    row("text p99 beside 1 MB requests / nginx's", "beside", 1.5,
        over_nginx(median_of(lambda j: j["text"]["p99"])))
    row("8 slow readers of 10 MB: MB more", "slow", 5, median_of(lambda j: j["peak"] - j["rss"]))
    row("1,000 idle streams: MB", "idle", 40, median_of(lambda j: j["peak"]))
    row("1,000 connections, 100 KB: MB", "json 100 1000", 150, median_of(lambda j: j["peak"]))
    row("1,000 connections, 100 KB: errors", "json 100 1000", 0,
        lambda cell, who: sum(j["bad"] for j in cell[who]))
    table("The bar (! beyond the goal; ? others above 0.3 CPU; the scanner's is in gateway_filter)",
          ["", "goal", "nothing to strip", "something", "others"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="one round, fewer sizes")
    parser.add_argument("--targets", type=lambda z: z.split(","),
                        help="a list, for example direct,nginx,ours")
    parser.add_argument("--json", type=pathlib.Path, help="a file for the figures of each run")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        top = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pando-wire-")))
        b = Bench(stack, top, arguments)
        print(f"targets: {', '.join(b.names())}; gateways on CPU {wt.GATEWAY_CPU}, mock and load on "
              f"{wt.OTHERS_CPU}" if wt.SPLIT else f"targets: {', '.join(b.names())}; one CPU for all")
        for part in (integrity, streams, burst, memory, beside_large, json_answers, bar):
            part(b)
        if not b.resets:
            print("peaks are those of the whole run: only root may reset them")
        print(f"took {time.monotonic() - b.began:.0f} s; load average", os.getloadavg()[0])


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
