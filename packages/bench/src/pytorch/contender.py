"""What PyTorch's sides of the tables have in common: each is a contender that is asked and answers in lines of JSON (see
contender.ts)."""
import gc
import json
import resource
import sys
import time


def say(answer):
    print(json.dumps(answer), flush=True)


def absent(reason):
    """There is no such contender here."""
    say({"missing": reason})
    sys.exit(0)


class Not(Exception):
    """A row that there is not, and why."""


try:
    import torch
except Exception as error:
    absent(f"{sys.executable} has no PyTorch: {error}")


def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def repeat(step, steps, wait=lambda: None):
    """The time of one of so many steps in milliseconds; `wait` waits for the device."""
    wait()
    cpu, start = processor(), time.perf_counter()
    for _ in range(steps):
        step()
    wait()
    wall = time.perf_counter() - start
    return {"wall": wall / steps * 1e3, "cpu": (processor() - cpu) / steps * 1e3}


def warm(step, limit, repeat=repeat, least=1):
    """At least so many steps, and until the time is over. Returns the time of one of the last."""
    start = time.perf_counter()
    each = repeat(step, least)
    while (time.perf_counter() - start) * 1e3 < limit:
        each = repeat(step, min(1000, max(1, round(limit / 4 / each["wall"]))))
    return each


def serve(title, detail, rows, prepare, repeat=repeat, forget=gc.collect):
    """`rows` are functions that make a step. `prepare` gets one and the milliseconds of its warm-up, and returns the step
    and the answer; `forget` releases what a row had."""
    steps = {}

    def answer(request):
        if "prepare" in request:
            name = request["prepare"]
            if name not in rows:
                return {"missing": "not implemented"}
            steps[name], prepared = prepare(rows[name], request["warmUp"])
            return prepared
        if "run" in request:
            return repeat(steps[request["run"]], request["steps"])
        steps.pop(request["end"], None)
        forget()
        return {"ended": request["end"]}

    say({"title": title, "version": torch.__version__, "detail": detail})
    for line in sys.stdin:
        try:
            say(answer(json.loads(line)))
        except Not as reason:
            say({"missing": str(reason)})
        except Exception as error:
            forget()
            say({"missing": repr(error).splitlines()[0][:300]})
