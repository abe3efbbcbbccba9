#include "mcp/audit.h"

#include "base/place.h"
#include "keeper/client.h"

int
audit_open(struct audit *a, int keeper, const struct pol_log *limits, struct err *e)
{
	CLEANUP(mem_freep) char *path = NULL;

	a->keeper = keeper;
	a->who = rec_who_from_env();
	if (keeper >= 0)
		return 0;
	path = place_decision_log(e);
	if (path == NULL || rec_open(&a->log, path, limits, e) < 0)
		return err_wrap(e, "decision log");
	return 0;
}

void
audit_close(struct audit *a)
{
	if (a->keeper < 0)
		rec_close(&a->log);
}

int
audit_write(struct audit *a, const struct rec *r, struct err *e)
{
	const int got = a->keeper >= 0 ? keeper_log(a->keeper, r, e)
				       : rec_write(&a->log, &a->who, r, e);

	return got < 0 ? err_wrap(e, "decision log") : 0;
}
