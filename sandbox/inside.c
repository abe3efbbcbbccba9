#include "sandbox/inside.h"

#include <unistd.h>

#include "sandbox/fds.h"
#include "sandbox/limits.h"
#include "sandbox/plan.h"

int
inside_run(const struct options *o, struct err *e)
{
	if (limits_apply(e) < 0 || fds_keep_only(o->keep, o->nkeep, e) < 0)
		return -1;
	if (o->program[0] == NULL)
		return 0;
	(void)execve(PLAN_PROGRAM, o->program, environ); /* made by plan_make() */
	return err_sys(e, "start '%s' inside the sandbox", o->program[0]);
}
