#include "policy/record.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/path.h"

void
rec_sha256(struct str bytes, char out[REC_SHA_HEX + 1])
{
	unsigned char raw[SHA256_DIGEST_LENGTH];

	(void)SHA256((const unsigned char *)bytes.p, bytes.n, raw); /* cannot fail */
	for (size_t i = 0; i < sizeof raw; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

struct rec_who
rec_who_from_env(void)
{
	return (struct rec_who){
		.run = getenv("PANDO_RUN"),
		.agent = getenv("PANDO_AGENT"),
		.agent_version = getenv("PANDO_AGENT_VERSION"),
		.root = getenv("PANDO_PROJECT_ROOT"),
	};
}

void
rec_decided(struct rec *r, const struct pol_use *u, const struct pol_decision *d)
{
	r->server = u->server;
	r->tool = u->tool;
	r->verdict = pol_verdict_name(d->verdict);
	r->rule = d->rule;
	r->file = d->file;
	r->line = d->line;
}

static void
put_field(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	if (value.n > REC_FIELD_MAX)
		value.n = REC_FIELD_MAX;
	buf_printf(b, ",\"%s\":", name);
	buf_put_json(b, value);
}

static void
put_args(struct buf *b, const struct rec *r)
{
	char sha[REC_SHA_HEX + 1];

	if (r->args_sha256 != NULL) {
		put_field(b, "args_sha256", str_of(r->args_sha256));
	} else if (r->args.n > 0) {
		rec_sha256(r->args, sha);
		put_field(b, "args_sha256", str_of(sha));
	}
}

static void
put_place(struct buf *b, const struct rec *r)
{
	CLEANUP(mem_freep) char *at = NULL;

	if (r->file == NULL)
		return;
	at = r->line > 0 ? mem_printf("%s:%d", r->file, r->line) : mem_strdup(r->file);
	put_field(b, "at", str_of(at));
}

void
rec_format(struct buf *b, const struct rec_who *w, const struct rec *r)
{
	char stamp[CLOCK_STAMP_MAX];

	clock_stamp(stamp);
	buf_printf(b, "{\"ts\":\"%s\"", stamp);
	put_field(b, "event", str_of(r->event));
	put_field(b, "run", str_of(w->run));
	put_field(b, "agent", str_of(w->agent));
	put_field(b, "agent_version", str_of(w->agent_version));
	put_field(b, "root", str_of(w->root));
	put_field(b, "layer", str_of(r->layer));
	put_field(b, "direction", str_of(r->direction));
	put_field(b, "api", str_of(r->api));
	put_field(b, "server", r->server);
	put_field(b, "tool", r->tool);
	put_field(b, "call_id", r->call_id);
	put_args(b, r);
	put_field(b, "verdict", str_of(r->verdict));
	put_field(b, "rule", str_of(r->rule));
	put_place(b, r);
	put_field(b, "mode", str_of(r->mode));
	if (r->elapsed_us >= 0)
		buf_printf(b, ",\"elapsed_us\":%lld", (long long)r->elapsed_us);
	put_field(b, "note", r->note);
	buf_puts(b, "}\n");
}

int
rec_open(struct rec_log *l, const char *path, struct err *e)
{
	*l = (struct rec_log){ .fd = -1, .path = mem_strdup(path) };
	l->fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		S_IRUSR | S_IWUSR);
	if (l->fd < 0) {
		(void)err_sys(e, "open the decision log %s", path);
		e->code = ERR_SPACE;
		return -1;
	}
	return 0;
}

void
rec_close(struct rec_log *l)
{
	fd_closep(&l->fd);
	free(l->path);
	l->path = NULL;
}

/* The file under our name may have been turned over by another writer. */
static int
follow_rotation(struct rec_log *l, struct err *e)
{
	CLEANUP(mem_freep) char *path = NULL;
	CLEANUP(mem_freep) char *old = NULL;
	struct stat ours, named;

	if (fstat(l->fd, &ours) < 0)
		return err_sys(e, "look at the decision log");
	if (S_ISREG(ours.st_mode) && ours.st_size > REC_FILE_MAX) {
		old = mem_printf("%s.1", l->path);
		if (stat(l->path, &named) == 0 && named.st_ino == ours.st_ino &&
			rename(l->path, old) < 0)
			return err_sys(e, "turn over the decision log %s", l->path);
	} else if (stat(l->path, &named) == 0 && named.st_ino == ours.st_ino &&
		   named.st_dev == ours.st_dev) {
		return 0;
	}
	path = mem_strdup(l->path);
	rec_close(l);
	return rec_open(l, path, e);
}

int
rec_write(struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(REC_LINE_MAX);
	ssize_t k;

	rec_format(&line, w, r);
	if (line.over)
		return err_set(e, ERR_DATA, "a line of the decision log is too long");
	if (follow_rotation(l, e) < 0)
		return -1;
	k = write(l->fd, line.p, line.n);
	if (k == (ssize_t)line.n)
		return 0;
	if (k >= 0)
		errno = ENOSPC; /* a short write to a file means no more room */
	(void)err_sys(e,
		"write the decision log %s (free space there, or name another file in "
		"PANDO_GATEWAY_LOG_FILE)",
		l->path);
	e->code = ERR_SPACE;
	return -1;
}
