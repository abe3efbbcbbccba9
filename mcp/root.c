#include "mcp/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "policy/record.h"

enum { DIR_MODE = 0777, FILE_PRIVATE = 0600 };

/* Skips the root's own path at the start of an absolute path. */
static const char *
below_root(const struct root *r, const char *given, struct err *e)
{
	if (!path_is_absolute(given))
		return given;
	if (!path_is_within(given, r->path)) {
		char shown[LOG_QUOTED_MAX];

		(void)err_set(e, ERR_REFUSED,
			"%s lies outside of the project root %s: give a path relative to "
			"the root",
			log_quoted(str_of(given), shown), r->path);
		return NULL;
	}
	return given + strlen(r->path);
}

static int
add_part(struct buf *b, struct str part, struct err *e)
{
	if (part.n == 0 || str_is(part, "."))
		return 0;
	if (str_is(part, ".."))
		return err_set(e, ERR_REFUSED,
			"a path must not contain \"..\": give it relative to the project "
			"root");
	if (b->n > 0)
		buf_putc(b, '/');
	buf_put_str(b, part);
	return 0;
}

char *
root_rel(const struct root *r, const char *given, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(ROOT_PATH_MAX);
	const char *p = below_root(r, given, e);

	if (p == NULL)
		return NULL;
	for (;;) {
		const size_t n = strcspn(p, "/");

		if (add_part(&b, (struct str){ p, n }, e) < 0)
			return NULL;
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	if (b.over) {
		(void)err_set(
			e, ERR_DATA, "the path is longer than %d bytes", ROOT_PATH_MAX);
		return NULL;
	}
	return b.n == 0 ? mem_strdup(".") : buf_take(&b);
}

/* openat2 says ELOOP for a link, which would puzzle a reader. */
static int
open_below(int dir, const char *rel, int flags, mode_t mode, struct err *e)
{
	const int fd = path_open_beneath(dir, rel, flags, mode, e);

	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return err_set(e, ERR_REFUSED,
			"%s is, or leads through, a symbolic link: links are not "
			"followed, give the path of the file itself",
			rel);
	return fd;
}

int
root_open(const struct root *r, const char *rel, struct stat *st, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	CLEANUP(fd_closep)
	int fd = open_below(r->fd, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	struct stat own;

	if (st == NULL)
		st = &own;
	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0)
		return err_sys(e, "look at %s", rel);
	if (S_ISDIR(st->st_mode))
		return err_set(e, ERR_DATA, "%s is a directory: name a file", rel);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_DATA, "%s is not a regular file", rel);
	return fd_take(&fd);
}

int
root_read(const struct root *r, const char *rel, struct buf *b, struct stat *st,
	struct err *e)
{
	struct stat own;
	CLEANUP(fd_closep) int fd = root_open(r, rel, st == NULL ? &own : st, e);

	if (fd < 0)
		return -1;
	return fd_read_all(fd, b, e) < 0 ? err_wrap(e, "%s", rel) : 0;
}

int
root_open_parent(const struct root *r, const char *rel, const char **name, struct err *e)
{
	CLEANUP(mem_freep) char *dir = path_dir(rel);

	*name = path_base(rel);
	return open_below(r->fd, dir, O_RDONLY | O_DIRECTORY, 0, e);
}

int
root_make_parents(const struct root *r, const char *rel, struct err *e)
{
	CLEANUP(mem_freep) char *part = mem_strdup(rel);
	CLEANUP(fd_closep) int at = open_below(r->fd, ".", O_RDONLY | O_DIRECTORY, 0, e);
	char *from = part;

	if (at < 0)
		return -1;
	for (char *slash = strchr(from, '/'); slash != NULL; slash = strchr(from, '/')) {
		int next;

		*slash = '\0';
		if (mkdirat(at, from, DIR_MODE) < 0 && errno != EEXIST)
			return err_sys(e, "make the directory %s of %s", from, rel);
		next = open_below(at, from, O_RDONLY | O_DIRECTORY, 0, e);
		if (next < 0)
			return err_wrap(e, "the directories of %s", rel);
		fd_closep(&at);
		at = next;
		from = slash + 1;
	}
	return 0;
}

static int
fill(int fd, struct str content, mode_t mode, struct err *e)
{
	if (fd_write_all(fd, content, e) < 0)
		return -1;
	/* what is written to loses these bits, as the kernel has it for a write in place */
	if (fchmod(fd, mode & ~(mode_t)(S_ISUID | S_ISGID)) < 0)
		return err_sys(e, "set the mode");
	return fsync(fd) < 0 ? err_sys(e, "sync") : 0;
}

static int
put_in_place(int dir, const char *tmp, const char *name, bool fresh)
{
	if (fresh)
		return renameat2(dir, tmp, dir, name, RENAME_NOREPLACE);
	return renameat(dir, tmp, dir, name);
}

int
root_write(const struct root *r, const char *rel, struct str content, mode_t mode,
	bool fresh, struct err *e)
{
	const char *name;
	CLEANUP(fd_closep) int dir = root_open_parent(r, rel, &name, e);
	CLEANUP(fd_closep) int fd = -1;
	char id[ID_HEX + 1];
	char tmp[ID_HEX + 16];

	if (dir < 0 || id_new(id, e) < 0)
		return -1;
	(void)snprintf(tmp, sizeof tmp, ".pando-%s.tmp", id);
	fd = open_below(dir, tmp, O_WRONLY | O_CREAT | O_EXCL, FILE_PRIVATE, e);
	if (fd < 0)
		return err_wrap(e, "write %s", rel);
	if (fill(fd, content, mode, e) < 0) {
		(void)unlinkat(dir, tmp, 0); /* the first error is the one to tell */
		return err_wrap(e, "write %s", rel);
	}
	if (put_in_place(dir, tmp, name, fresh) < 0) {
		(void)err_sys(e, "put %s in place", rel);
		(void)unlinkat(dir, tmp, 0);
		return -1;
	}
	return 0;
}

/* C1 controls too, which terminals obey: U+0080 to U+009F. */
static bool
is_control(struct str s, size_t k)
{
	const unsigned char *c = (const unsigned char *)s.p;

	return c[0] < 0x20 || c[0] == 0x7f || (k == 2 && c[0] == 0xc2 && c[1] < 0xa0);
}

static bool
is_plain(struct str s)
{
	while (s.n > 0) {
		const size_t k = utf8_len(s);

		if (k == 0 || is_control(s, k))
			return false;
		s = str_skip(s, k);
	}
	return true;
}

static void
put_quoted(struct buf *out, struct str s)
{
	buf_putc(out, '"');
	while (s.n > 0) {
		const size_t k = utf8_len(s);

		if (k == 0 || is_control(s, k)) {
			buf_printf(out, "\\x%02x", (unsigned int)(unsigned char)s.p[0]);
			s = str_skip(s, 1);
			continue;
		}
		if (s.p[0] == '"' || s.p[0] == '\\')
			buf_putc(out, '\\');
		buf_put(out, s.p, k);
		s = str_skip(s, k);
	}
	buf_putc(out, '"');
}

void
root_put_name(struct buf *out, struct str name)
{
	const bool cut = name.n > ROOT_PATH_MAX;

	if (cut)
		name.n = ROOT_PATH_MAX;
	if (is_plain(name))
		buf_put_str(out, name);
	else
		put_quoted(out, name);
	if (cut)
		buf_puts(out, " [cut]");
}

void
root_hash(struct str content, char out[ROOT_HASH_HEX + 1])
{
	char whole[REC_SHA_HEX + 1];

	rec_sha256(content, whole);
	memcpy(out, whole, ROOT_HASH_HEX);
	out[ROOT_HASH_HEX] = '\0';
}

bool
root_is_text(struct str content)
{
	return content.n == 0 ||
	       (memchr(content.p, '\0', content.n) == NULL && utf8_is_valid(content));
}
