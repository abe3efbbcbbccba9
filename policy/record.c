#define OPENSSL_SUPPRESS_DEPRECATED /* see rec_sha256 */

#include "policy/record.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/path.h"

void
rec_sha256(struct str bytes, char out[REC_SHA_HEX + 1])
{
	unsigned char raw[SHA256_DIGEST_LENGTH];

	SHA256_CTX sha;

	/* SHA256() starts all of OpenSSL and reads its configuration: milliseconds a launch */
	(void)SHA256_Init(&sha); /* none of the three can fail */
	(void)SHA256_Update(&sha, bytes.p, bytes.n);
	(void)SHA256_Final(raw, &sha);
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

static int
open_log(const char *path, struct err *e)
{
	const int fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		S_IRUSR | S_IWUSR);

	if (fd >= 0)
		return fd;
	(void)err_sys(e, "open the decision log %s", path);
	e->code = ERR_SPACE;
	return -1;
}

int
rec_open(struct rec_log *l, const char *path, struct err *e)
{
	*l = (struct rec_log){ .fd = open_log(path, e), .path = mem_strdup(path) };
	return l->fd < 0 ? -1 : 0;
}

void
rec_close(struct rec_log *l)
{
	fd_closep(&l->fd);
	free(l->path);
	l->path = NULL;
}

/* True when the log's name still leads to the file that we have open. */
static bool
is_named(const struct rec_log *l, const struct stat *ours)
{
	struct stat named;

	return stat(l->path, &named) == 0 && named.st_ino == ours->st_ino &&
	       named.st_dev == ours->st_dev;
}

/* Writers agree by a lock on the full file itself, so that it is renamed only once. */
static int
turn_over(struct rec_log *l, const struct stat *ours, struct err *e)
{
	CLEANUP(mem_freep) char *old = mem_printf("%s.1", l->path);

	if (flock(l->fd, LOCK_EX) < 0)
		return err_sys(e, "lock the decision log %s", l->path);
	if (is_named(l, ours) && rename(l->path, old) < 0)
		return err_sys(e, "turn over the decision log %s", l->path);
	return 0; /* the lock goes with the descriptor */
}

static int
follow_name(struct rec_log *l, struct err *e)
{
	struct stat ours;
	int fd;

	if (fstat(l->fd, &ours) < 0)
		return err_sys(e, "look at the decision log");
	if (S_ISREG(ours.st_mode) && ours.st_size > REC_FILE_MAX) {
		if (turn_over(l, &ours, e) < 0)
			return -1;
	} else if (is_named(l, &ours)) {
		return 0;
	}
	fd = open_log(l->path, e);
	if (fd < 0)
		return -1;
	fd_closep(&l->fd);
	l->fd = fd;
	return 0;
}

/*
 * Half a line would make the next one unreadable too. It is taken back only when it is still
 * the last in the file: then nobody has written behind it.
 */
static void
take_back(int fd, ssize_t k)
{
	const off_t end = lseek(
		fd, 0, SEEK_CUR); /* an append leaves it behind its bytes */
	struct stat st;

	if (end < k || fstat(fd, &st) < 0 || st.st_size != end)
		return;
	if (ftruncate(fd, end - k) < 0)
		return; /* the line's own error is the one to tell */
}

int
rec_write(struct rec_log *l, const struct rec_who *w, const struct rec *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(REC_LINE_MAX);
	ssize_t k;

	rec_format(&line, w, r);
	if (line.over)
		return err_set(e, ERR_DATA, "a line of the decision log is too long");
	if (follow_name(l, e) < 0)
		return -1;
	k = write(l->fd, line.p, line.n);
	if (k == (ssize_t)line.n)
		return 0;
	if (k > 0)
		take_back(l->fd, k);
	if (k >= 0)
		errno = ENOSPC; /* a short write to a file means no more room */
	(void)err_sys(e,
		"write the decision log %s (free space there, or name another file in "
		"PANDO_GATEWAY_LOG_FILE)",
		l->path);
	e->code = ERR_SPACE;
	return -1;
}
