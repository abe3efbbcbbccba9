#include "keeper/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "keeper/args.h"
#include "keeper/hash.h"
#include "keeper/snapshot.h"
#include "keeper/take.h"
#include "policy/layers.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL };

static int
open_root(const char *path, struct err *e)
{
	CLEANUP(fd_closep) int top = path_open_dir("/", e);
	CLEANUP(fd_closep) int fd = -1;
	struct stat a;
	struct stat b;

	if (top < 0)
		return -1;
	if (!path_is_absolute(path))
		return err_set(e, ERR_USAGE,
			"%s: the project root must be an absolute path", path);
	path += strspn(path, "/");
	fd = path_open_beneath(
		top, path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return err_wrap(e, "the project root /%s, links not followed", path);
	if (fstat(fd, &a) < 0 || fstat(top, &b) < 0)
		return err_sys(e, "look at the project root /%s", path);
	if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return err_set(e, ERR_REFUSED,
			"the project root is /: snapshots need a directory of its own");
	return fd_take(&fd);
}

int
keeper_open(struct keeper *k, const char *root, struct err *e)
{
	*k = (struct keeper){ .root = open_root(root, e) };
	if (k->root < 0)
		return -1;
	k->path = mem_strdup(root);
	k->log = place_decision_log(e);
	k->policy = pol_load_for_run(root, e);
	if (k->log == NULL || k->policy == NULL)
		return -1;
	return store_open(&k->store, k->root, e);
}

void
keeper_close(struct keeper *k)
{
	store_close(&k->store);
	fd_closep(&k->root);
	pol_freep(&k->policy);
	free(k->path);
	free(k->log);
	k->path = k->log = NULL;
}

/* A reply in the making. */
struct answer {
	struct buf *text; /* what stands behind {"ok":true */
	int *memfd;
};

static int
make_memfd(struct err *e)
{
	const int fd = memfd_create("pando-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? err_sys(e, "make room for the reply") : fd;
}

static int
seal(int fd, struct err *e)
{
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_sys(e, "seal the reply");
	return 0;
}

static int
send_bulk(struct answer *a, const struct buf *bulk, struct err *e)
{
	CLEANUP(fd_closep) int fd = make_memfd(e);

	if (fd < 0 || fd_write_all(fd, buf_str(bulk), e) < 0 || seal(fd, e) < 0)
		return -1;
	*a->memfd = fd_take(&fd);
	return 0;
}

static int
write_log(struct keeper *k, const struct rec *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf body = BUF_INIT(SERVE_LOG_BYTES);
	CLEANUP(rec_close) struct rec_log log = REC_LOG_INIT;
	const struct pol_log *limits = pol_log_of(k->policy);
	struct rec_who who = rec_who_from_env();

	who.root = k->path;
	rec_put_body(&body, &who, r, limits->arguments);
	if (body.n > SERVE_LOG_BYTES - k->logged)
		return err_set(e, ERR_REFUSED,
			"this session has written %d bytes to the decision log, the most "
			"that it may: start a new one",
			(int)SERVE_LOG_BYTES);
	k->logged += body.n;
	if (rec_open(&log, k->log, limits, e) < 0)
		return -1;
	return rec_write(&log, &who, r, e);
}

static int
op_log(struct keeper *k, struct args *a, struct answer *out, struct err *e)
{
	/* all that the server inside has to tell; no line of another layer, nor of the core's */
	static const char *const events[] = { "mcp_started", "mcp_call_allowed",
		"mcp_call_audited", "mcp_call_asked", "mcp_call_denied",
		"mcp_call_failed", "mcp_witness_refused", "mcp_witness_audited", NULL };
	static const char *const servers[] = { POL_SERVER_WORKSPACE, POL_SERVER_CORE,
		NULL };
	static const char *const verdicts[] = { "allow", "audit", "ask", "deny", NULL };
	static const char *const modes[] = { "enforce", "audit", "off", NULL };
	CLEANUP(buf_fini) struct buf given = BUF_INIT(KEEPER_MSG_MAX);
	const json_t *object;
	struct rec r = REC_INIT;

	(void)out; /* nothing to say but that it is done */
	r.layer = "mcp";
	r.event = args_one_of(a, "event", events);
	r.server = str_of(args_one_of(a, "server", servers));
	r.tool = str_of(args_text(a, "tool", SERVE_NAME_MAX));
	r.call_id = str_of(args_text(a, "call_id", KEEPER_CALL_MAX));
	object = args_object(a, "args");
	if (object != NULL)
		json_put(&given, object);
	r.args = buf_str(&given);
	/* its own hash of what it sees, else what it is told */
	r.args_sha256 = args_hex(a, "args_sha256", REC_SHA_HEX);
	if (object != NULL)
		r.args_sha256 = NULL;
	r.verdict = args_one_of(a, "verdict", verdicts);
	r.rule = args_text(a, "rule", REC_FIELD_MAX);
	r.file = args_text(a, "file", REC_FIELD_MAX);
	r.line = (int)args_int(a, "line", 0, INT_MAX, 0);
	r.mode = args_one_of(a, "mode", modes);
	r.elapsed_us = args_int(a, "elapsed_us", 0, INT64_MAX, -1);
	r.note = str_of(args_text(a, "note", REC_FIELD_MAX));
	if (args_end(a, e) < 0)
		return -1;
	if (r.event == NULL)
		return err_set(e, ERR_DATA, "\"event\": it must be there");
	return write_log(k, &r, e);
}

static void
put_skipped(struct buf *out, const struct tree *t)
{
	const size_t start = out->n;

	buf_puts(out, ",\"skipped\":[");
	for (size_t i = 0; i < t->nskip && out->n - start < SERVE_SKIPPED_BYTES; i++) {
		buf_puts(out, i == 0 ? "{" : ",{");
		tree_put_json_path(out, tree_skip_path(t, &t->skip[i]));
		buf_puts(out, ",\"reason\":");
		buf_put_json(out, tree_skip_why(t, &t->skip[i]));
		buf_putc(out, '}');
	}
	buf_printf(out, "],\"skipped_total\":%zu", t->nskip);
}

/* One line in the commit message: what would end it becomes a space. */
static char *
one_line(const char *text)
{
	char *z = mem_strdup(text);

	for (char *p = z; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return z;
}

static int
op_snapshot(struct keeper *k, struct args *a, struct answer *out, struct err *e)
{
	CLEANUP(mem_freep) char *why = one_line(args_need_text(a, "why", KEEPER_WHY_MAX));
	CLEANUP(mem_freep) char *call = one_line(args_text(a, "call", KEEPER_CALL_MAX));
	CLEANUP(tree_fini) struct tree t = TREE_INIT;
	const struct snap_note note = { why, call };
	char hex[KEEPER_ID_HEX + 1];
	struct snap_taken taken;

	if (args_end(a, e) < 0 ||
		take_snapshot(&k->store, k->root, &note, &t, &taken, e) < 0)
		return -1;
	hash_hex(taken.id.id, hex);
	buf_printf(out->text, ",\"id\":\"%s\",\"new\":%s", hex,
		taken.is_new ? "true" : "false");
	put_skipped(out->text, &t);
	return 0;
}

static int
op_list(struct keeper *k, struct args *a, struct answer *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf bulk = BUF_INIT(KEEPER_BULK_MAX);
	const int max = (int)args_int(a, "max", 1, SNAP_LIST_MAX, SNAP_LIST_MAX);

	if (args_end(a, e) < 0 || snap_list(&k->store, max, &bulk, e) < 0)
		return -1;
	return send_bulk(out, &bulk, e);
}

static const char *
need_id(struct args *a)
{
	const char *id = args_hex(a, "id", KEEPER_ID_HEX);

	return id != NULL ? id : args_need_text(a, "id", KEEPER_ID_HEX);
}

static int
op_diff(struct keeper *k, struct args *a, struct answer *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf bulk = BUF_INIT(KEEPER_BULK_MAX);
	const char *id = need_id(a);

	if (args_end(a, e) < 0 || take_diff(&k->store, k->root, id, &bulk, e) < 0)
		return -1;
	return send_bulk(out, &bulk, e);
}

static int
op_read(struct keeper *k, struct args *a, struct answer *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT(KEEPER_PATH_MAX);
	CLEANUP(fd_closep) int fd = -1;
	const char *id = need_id(a);
	struct snap_file f = { 0 };

	args_path(a, KEEPER_PATH_MAX, &path);
	if (args_end(a, e) < 0 || snap_find(&k->store, id, buf_str(&path), &f, e) < 0)
		return -1;
	fd = make_memfd(e);
	if (fd < 0 || store_copy_blob(&k->store, f.oid, fd, e) < 0 || seal(fd, e) < 0)
		return -1;
	buf_printf(out->text, ",\"mode\":%u,\"kind\":\"%s\"",
		(unsigned int)tree_restored_mode(f.kind, f.mode), tree_kind_name(f.kind));
	*out->memfd = fd_take(&fd);
	return 0;
}

/* Everything that a sandboxed process can make the keeper do. */
static const struct {
	const char *name;
	int (*run)(struct keeper *k, struct args *a, struct answer *out, struct err *e);
} ops[] = {
	{ "log", op_log },
	{ "snapshot", op_snapshot },
	{ "list", op_list },
	{ "diff", op_diff },
	{ "read", op_read },
};

static int
answer(struct keeper *k, struct str msg, struct answer *out, struct err *e)
{
	CLEANUP(json_freep) json_t *j = json_parse(msg, e);
	struct args a = args_begin(j);
	const char *op;

	if (j == NULL)
		return -1;
	if (!json_is_object(j))
		return err_set(e, ERR_DATA, "not a JSON object");
	op = args_need_text(&a, "op", SERVE_NAME_MAX);
	for (size_t i = 0; i < LEN(ops); i++)
		if (strcmp(ops[i].name, op) == 0)
			return ops[i].run(k, &a, out, e);
	return err_set(e, ERR_DATA, "\"op\": want log, snapshot, list, diff or read");
}

static void
put_failure(struct buf *reply, const struct err *e)
{
	buf_reset(reply);
	buf_puts(reply, "{\"ok\":false,\"error\":");
	buf_put_json(reply, str_of(e->text));
	buf_putc(reply, '}');
}

void
serve_message(struct keeper *k, struct str msg, struct buf *reply, int *memfd)
{
	struct answer out = { .text = reply, .memfd = memfd };
	struct err e = ERR_INIT;

	*memfd = -1;
	buf_reset(reply);
	buf_puts(reply, "{\"ok\":true");
	if (answer(k, msg, &out, &e) < 0) {
		put_failure(reply, &e);
		return;
	}
	buf_putc(reply, '}');
}

/* 1: a message for the caller; 0: the peer is gone; refusals are answered here. */
static int
receive(int sock, char *msg, size_t *n, struct buf *reply, struct err *e)
{
	int fds[FD_PASS_MAX];
	size_t nfds = 0;
	const ssize_t k = fd_recv(sock, msg, KEEPER_MSG_MAX, fds, &nfds, e);

	for (size_t i = 0; i < nfds; i++)
		fd_closep(&fds[i]);
	if (k < 0 && e->code != ERR_DATA)
		return errno == ECONNRESET ? 0 : -1;
	if (k == 0)
		return 0;
	*n = k < 0 ? 0 : (size_t)k;
	buf_reset(reply);
	if (nfds > 0)
		(void)err_set(e, ERR_DATA, "no descriptor may come along");
	if (k < 0 || nfds > 0)
		put_failure(reply, e);
	return 1;
}

int
serve_run(struct keeper *k, int sock, struct err *e)
{
	CLEANUP(mem_freep) char *msg = mem_alloc(KEEPER_MSG_MAX);
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(KEEPER_MSG_MAX);
	size_t n = 0;
	int got;

	while ((got = receive(sock, msg, &n, &reply, e)) == 1) {
		CLEANUP(fd_closep) int memfd = -1;

		if (reply.n == 0)
			serve_message(k, (struct str){ msg, n }, &reply, &memfd);
		if (fd_send(sock, buf_str(&reply), &memfd, memfd >= 0, e) < 0)
			return errno == EPIPE || errno == ECONNRESET ? 0 : -1;
	}
	return got;
}
