#include "gateway/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "gateway/audit.h"
#include "gateway/ledger.h"
#include "gateway/process.h"

enum { RECORD_MODE = S_IRUSR | S_IWUSR, MODE_BITS = 07777 };

static const char port_is_taken[] =
	"another program has its port, so its agent cannot reach the gateway: start it again";

int
gw_restore_leave(
	const struct gw_rundir *d, const struct gw_reg *r, int port, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_RECORD_MAX);
	CLEANUP(mem_freep) char *rel = mem_printf("%s/" GW_RECORD_NAME, r->id);
	CLEANUP(mem_freep) char *agent = mem_strdup(pol_agent_name(r->agent));
	CLEANUP(mem_freep) char *sha256 = mem_strdup(pol_digest(r->policy));
	/* borrowed, all of it: not for gw_record_fini */
	struct gw_record rec = { .port = port,
		.token = r->token,
		.agent = agent,
		.agent_version = r->agent_version,
		.root = r->root,
		.policy = r->policy_path,
		.policy_sha256 = sha256,
		.log = r->log.path,
		.pid = r->pid,
		.start = r->start };
	CLEANUP(fd_closep) int fd = -1;
	int got;

	if (mkdirat(d->fd, r->id, S_IRWXU) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", d->path, r->id);
	for (size_t i = 0; i < GW_NETWORK_NAMES; i++)
		rec.network[i] = getenv(gw_network_names[i]);
	/* not synced, which would hold up the launch: it need not outlive the machine */
	got = gw_record_format(&rec, &text, e);
	if (got == 0) {
		fd = path_open_beneath(
			d->fd, rel, O_WRONLY | O_CREAT | O_TRUNC, RECORD_MODE, e);
		got = fd < 0 ? -1 : fd_write_all(fd, buf_str(&text), e);
	}
	explicit_bzero(text.p, text.n);
	return got;
}

int
gw_restore_note(const struct gw_rundir *d, const struct gw_reg *r, const char *line,
	struct err *e)
{
	CLEANUP(mem_freep) char *rel = mem_printf("%s/" GW_CHECKINS_NAME, r->id);
	CLEANUP(mem_freep) char *text = mem_printf("%s\n", line);
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		d->fd, rel, O_WRONLY | O_CREAT | O_APPEND, RECORD_MODE, e);

	return fd < 0 ? -1 : fd_write_all(fd, str_of(text), e);
}

/* A file of a run's folder. 0 without an error: there is none. */
static int
read_own(int folder, const char *name, struct buf *text, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = path_open_beneath(
		folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, e);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & MODE_BITS) != RECORD_MODE)
		return err_set(
			e, ERR_REFUSED, "%s: want a file of ours with mode 0600", name);
	return fd_read_all(fd, text, e) < 0 ? -1 : 1;
}

/* 0 without an error: there is none. */
static int
read_record(int folder, struct gw_record *rec, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_RECORD_MAX);
	int got = read_own(folder, GW_RECORD_NAME, &text, e);

	if (got <= 0)
		return got;
	got = gw_record_parse(buf_str(&text), rec, e);
	explicit_bzero(text.p, text.n);
	return got < 0 ? err_wrap(e, GW_RECORD_NAME) : 1;
}

static void
forget(const struct gw_rundir *d, const char *id)
{
	CLEANUP(mem_freep) char *rel = mem_printf("%s/" GW_RECORD_NAME, id);

	if (unlinkat(d->fd, rel, 0) < 0)
		log_error("run %s: remove its record: %s", id, strerror(errno));
}

static void
tell_lost(const char *id, const struct gw_record *rec, const char *why)
{
	const struct rec_who who = {
		.run = id,
		.agent = rec->agent,
		.agent_version = rec->agent_version,
		.root = rec->root,
	};
	struct rec_log log = REC_LOG_INIT;
	struct err e = ERR_INIT;

	log_error("run %s is lost: %s", id, why);
	if (rec_open(&log, rec->log, NULL, &e) < 0 ||
		gw_audit_lost(&log, &who, why, &e) < 0)
		log_error("run %s is lost: %s", id, e.text);
	rec_close(&log);
}

/* A gateway that starts now must reach the network as the one before did. */
static void
take_network(const struct gw_record *rec)
{
	for (size_t i = 0; i < GW_NETWORK_NAMES; i++)
		if (rec->network[i] != NULL)
			(void)setenv(gw_network_names[i], rec->network[i], 0);
}

/* Without it the run goes on, and its requests wait for what checks in. */
static void
take_checkins(const struct gw_rundir *d, struct gw_reg *r)
{
	CLEANUP(buf_fini) struct buf lines = BUF_INIT(GW_CHECKINS_BYTES);
	struct err e = ERR_INIT;
	CLEANUP(fd_closep)
	int folder = path_open_beneath(d->fd, r->id, O_RDONLY | O_DIRECTORY, 0, &e);

	if (folder < 0 || read_own(folder, GW_CHECKINS_NAME, &lines, &e) < 0)
		log_error("run %s: %s", r->id, e.text);
	else
		gw_handshake_restore(&r->handshake, buf_str(&lines));
}

/* A run with a budget whose sums are not known is lost, or it would begin anew. */
static int
restore(const struct gw_rundir *d, struct gw_runs *runs, const char *id,
	const struct gw_record *rec, struct err *e)
{
	struct gw_reg *r = gw_runs_restore(runs, id, rec, e);
	const struct pol_limits *l;

	if (r == NULL)
		return -1;
	take_checkins(d, r);
	if (gw_ledger_open(d, r, e) == 0)
		return 0;
	l = pol_limits_of(r->policy);
	if (l->tokens_per_run > 0 || l->microusd_per_run > 0) {
		gw_runs_drop(r);
		return -1;
	}
	log_error("run %s: its sums begin anew: %s", id, e->text);
	return 0;
}

/* What stood in the way is told of unless it is in e, and then -1. */
static int
take_over(struct gw_rundir *d, struct gw_runs *runs, const char *id, int *port, bool all,
	struct err *why)
{
	CLEANUP(gw_record_fini) struct gw_record rec = { .port = 0 };
	struct err e = ERR_INIT;
	CLEANUP(fd_closep)
	int folder = path_open_beneath(d->fd, id, O_RDONLY | O_DIRECTORY, 0, &e);
	const int got = folder < 0 ? -1 : read_record(folder, &rec, &e);

	if (got == 0)
		return 0;
	if (got < 0) {
		if (all)
			return err_set(why, e.code, "run %s: %s", id, e.text);
		log_error("run %s: %s", id, e.text);
		return 0;
	}
	if (gw_process_start(rec.pid) != rec.start) {
		log_debug("run %s ended without a gateway", id);
		if (gw_rundir_remove(d, id, &e) < 0)
			log_error("run %s ended: %s", id, e.text);
		return 0;
	}
	if (*port != 0 && *port != rec.port)
		(void)err_set(&e, ERR_GATEWAY, "%s", port_is_taken);
	else if (restore(d, runs, id, &rec, &e) == 0) {
		*port = rec.port;
		take_network(&rec);
		return 0;
	}
	if (all)
		return err_set(why, e.code, "run %s: %s", id, e.text);
	tell_lost(id, &rec, e.text);
	forget(d, id);
	return 0;
}

static void
closedirp(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

int
gw_restore_all(struct gw_rundir *d, struct gw_runs *runs, bool all, struct err *e)
{
	CLEANUP(closedirp) DIR *dir = opendir(d->path);
	const struct dirent *ent;
	int port = 0;

	while (dir != NULL && (ent = readdir(dir)) != NULL)
		if (gw_run_id_is_sound(ent->d_name) &&
			take_over(d, runs, ent->d_name, &port, all, e) < 0)
			return -1;
	return port;
}

void
gw_restore_settle(struct gw_rundir *d, struct gw_runs *runs, bool has_port)
{
	for (struct gw_reg *r = LIST_FIRST(&runs->head), *next; r != NULL; r = next) {
		const struct rec_who who = gw_reg_who(r);
		struct err e = ERR_INIT;
		int got;

		next = LIST_NEXT(r, link);
		if (has_port)
			got = gw_audit_run(r, "gateway_run_restored", &e);
		else
			got = gw_audit_lost(&r->log, &who, port_is_taken, &e);
		if (has_port && got == 0)
			continue;
		log_error("run %s is lost: %s", r->id, got < 0 ? e.text : port_is_taken);
		forget(d, r->id);
		gw_runs_drop(r);
	}
}
