"""All scripts for one agent, for everyone who can be tried here."""
from _agents import options, persons, run_cases, stages
from _scripts import SCRIPTS


def no_root(report):
    report.skip("as root", "this is not root")


def main(agent):
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = [("%s as %s: %s" % (agent, p.name, f.__name__.replace("_", " ")), f,
              (stage[p.name], agent, p))
             for f in SCRIPTS for p in who if p]
    if who[0] is None:
        cases += [("%s: %s" % (agent, f.__name__.replace("_", " ")), no_root, ()) for f in SCRIPTS]
    return run_cases([c for c in cases if o.only in c[0]])
