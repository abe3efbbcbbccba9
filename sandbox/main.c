/*
 * pando-sandbox --project-root P [--keep-fd N]... [--policy FILE] -- PROGRAM [ARG]...
 * pando-sandbox --project-root P [--policy FILE] --check
 *
 * Becomes bwrap, which runs PROGRAM with the project and nothing else of this machine: no
 * home, no network, no other process. FILE is the policy of a run (policy/layers.h): its
 * [sandbox] holds. Inside, PROGRAM is /run/pando/program and a copy of FILE
 * /run/pando/policy; 0, 1, 2 and the descriptors N stay open; the
 * environment is made anew (plan.h). The exit status is PROGRAM's own. With --check it only
 * tries: silent when that works. When there can be no sandbox nothing runs: status 75, and
 * one line that says why and what to do. Other statuses: base/err.h.
 */

#include "base/log.h"
#include "sandbox/audit.h"
#include "sandbox/bwrap.h"
#include "sandbox/check.h"
#include "sandbox/inside.h"
#include "sandbox/options.h"
#include "sandbox/tidy.h"

static int
run(const struct options *o, struct err *e)
{
	switch (o->mode) {
	case OPT_RUN:
		if (bwrap_run(o, e) == 0)
			return 0;
		audit_failed(audit_event(e), o->root, e);
		return -1;
	case OPT_CHECK:
		return check_run(o->root, o->policy, e);
	case OPT_PROBE:
		return bwrap_run(o, e);
	case OPT_INSIDE:
		return inside_run(o, e);
	case OPT_TIDY:
		if (tidy_run(e) == 0)
			return 0;
		audit_failed("sandbox_untidy", NULL, e);
		return -1;
	case OPT_MODES:
		break;
	}
	return err_set(e, ERR_USAGE, "no such mode");
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err e = ERR_INIT;

	(void)argc; /* argv ends with NULL */
	log_name("pando-sandbox");
	if (opt_parse(&o, argv, &e) < 0 || run(&o, &e) < 0)
		return log_fail(&e);
	return 0;
}
