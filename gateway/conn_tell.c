#include "gateway/audit.h"
#include "gateway/conn_state.h"
#include "gateway/serve.h"

/*
 * Nothing goes on before its decision is in the log: what was found in one turn of the loop is
 * written at its end, together, and then all of it goes on.
 */

void
gw_conn_begin_found(struct gw_conn *c)
{
	if (!c->has_found)
		c->log_faults = c->run->log.faults;
	c->has_found = true;
}

void
gw_conn_found(void *to, const struct gw_finding *f)
{
	struct gw_conn *c = to;
	struct err e = ERR_INIT;

	gw_conn_begin_found(c);
	gw_account_found(&c->account, f);
	if (strcmp(f->done, "stripped") == 0 || strcmp(f->done, "replaced") == 0)
		c->changes++;
	c->must_log = c->must_log || !gw_serve_is_withheld(f);
	if (c->log_failed ||
		gw_serve_found(c->run, c->route.api, c->direction, f, &e) == 0)
		return;
	c->log_failed = true;
	c->e = e;
}

/* Once the log was written. */
static int
what_failed(struct gw_conn *c, struct err *e)
{
	if (!c->log_failed && c->must_log && c->run->log.faults != c->log_faults) {
		c->log_failed = true;
		c->e = c->run->log.fault;
	}
	c->has_found = c->must_log = false;
	if (!c->log_failed)
		return 0;
	*e = c->e;
	return err_wrap(e, "pando-ai: stopped, since its decision could not be recorded");
}

int
gw_conn_check_log(struct gw_conn *c, struct err *e)
{
	struct err unlogged = ERR_INIT; /* the log keeps it */

	/* lines of others, behind which nothing goes on, may wait */
	if (!c->log_failed && c->has_found)
		(void)gw_audit_flush(c->run, &unlogged);
	return what_failed(c, e);
}

void
gw_conn_untell(struct gw_conn *c)
{
	if (c->told == GW_NEW)
		return;
	LIST_REMOVE(c, telling);
	c->told = GW_NEW;
}

/* c may be gone behind this. */
static void
go_on(struct gw_conn *c)
{
	const enum gw_state then = c->told;
	struct err e = ERR_INIT;
	bool failed;

	gw_conn_untell(c);
	failed = what_failed(c, &e) < 0;
	if (c->stream != NULL) {
		gw_conn_release(c, failed ? e.text : NULL);
		gw_conn_go(c, failed ? GW_END : then);
		return;
	}
	if (!failed) {
		gw_conn_go(c, then);
		return;
	}
	c->e = e;
	c->is_told = false;
	gw_conn_go(c, gw_conn_refuse(c, GW_STATUS_BAD_REQUEST));
}

/*
 * All that are in the list now. Who comes into it meanwhile does so before them, and waits for
 * the next time. The latest first: its body is still in the processor's cache.
 */
static void
on_flushed(struct gw_reg *run)
{
	for (struct gw_conn *c = LIST_FIRST(&run->telling), *next; c != NULL; c = next) {
		next = LIST_NEXT(c, telling);
		go_on(c);
	}
}

enum gw_state
gw_conn_tell(struct gw_conn *c, enum gw_state then)
{
	if (!c->has_found)
		return then;
	gw_conn_tell_later(c, then);
	return GW_TELL;
}

void
gw_conn_tell_later(struct gw_conn *c, enum gw_state then)
{
	if (c->told == GW_NEW) {
		LIST_INSERT_HEAD(&c->run->telling, c, telling);
		gw_reg_flush_next(c->run, on_flushed);
	}
	c->told = then;
}
