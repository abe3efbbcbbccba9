#include "sandbox/audit.h"

#include "base/place.h"
#include "policy/record.h"

static int
put(const char *event, enum pol_verdict verdict, const char *root, struct str note,
	struct err *e)
{
	CLEANUP(mem_freep) char *path = place_decision_log(e);
	CLEANUP(rec_close) struct rec_log log = REC_LOG_INIT;
	struct rec_who who = rec_who_from_env();
	struct rec r = REC_INIT;

	if (path == NULL || rec_open(&log, path, NULL, e) < 0)
		return -1;
	if (root != NULL)
		who.root = root;
	r.event = event;
	r.layer = "sandbox";
	r.verdict = pol_verdict_name(verdict);
	r.note = note;
	return rec_write(&log, &who, &r, e);
}

int
audit_started(const char *root, struct str layers, struct err *e)
{
	if (put("sandbox_started", POL_ALLOW, root, layers, e) == 0)
		return 0;
	e->code = ERR_SPACE;
	return err_wrap(e, "no sandbox without a decision log");
}

void
audit_failed(const char *event, const char *root, const struct err *why)
{
	struct err second = ERR_INIT; /* the first error is the one to print */

	(void)put(event, POL_DENY, root, str_of(why->text), &second);
}

const char *
audit_event(const struct err *why)
{
	return why->code == ERR_SANDBOX ? "sandbox_unavailable" : "sandbox_refused";
}
