#include "policy/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/record.h"
#include "policy/trust.h"

enum {
	BUNDLE_MODE = S_IRUSR | S_IWUSR,
	DAY_S = 24 * 60 * 60,
	PRUNE_MAX = 4096 /* names looked at for old bundles, at a time */
};

#define IN_PROJECT ".pando/policy.toml"
#define BUNDLE_PREFIX "policy-"

static int
policy_error(struct err *e)
{
	e->code = ERR_POLICY;
	return -1;
}

/* --- the files --------------------------------------------------------------------------- */

/* What is beneath a project may be anybody's: it can only tighten. */
static int
read_project(const char *root, const char *path, struct buf *text, struct err *e)
{
	CLEANUP(fd_closep) int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (top < 0)
		return err_sys(e, "open the project root %s", root);
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	fd = path_open_beneath(top, IN_PROJECT, O_RDONLY | O_NONBLOCK, 0, e);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_POLICY,
			"%s is reached by a symbolic link: put the file itself there",
			path);
	if (fd < 0 && errno == ENOTDIR)
		return err_set(
			e, ERR_POLICY, "%s/.pando is not a folder: move it away", root);
	if (fd < 0)
		return err_wrap(e, "%s", root);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(
			e, ERR_POLICY, "%s is not a regular file: move it away", path);
	return fd_read_all(fd, text, e) < 0 ? err_wrap(e, "%s", path) : 1;
}

char *
pol_layer_path(enum pol_layer l, const char *root, struct err *e)
{
	switch (l) {
	case POL_MANAGED:
		return mem_strdup(POL_MANAGED_PATH);
	case POL_USER:
		return place_policy(e);
	case POL_PROJECT:
		return root == NULL ? NULL : path_join(root, IN_PROJECT);
	case POL_BUILT_IN:
	case POL_LAYERS:
		break;
	}
	return NULL;
}

static int
layer_read(enum pol_layer l, const char *root, const char *path, struct buf *text,
	struct err *e)
{
	switch (l) {
	case POL_MANAGED:
		return trust_read_managed(path, text, e);
	case POL_USER:
		return trust_read_user(path, geteuid(), text, e);
	case POL_PROJECT:
		return read_project(root, path, text, e);
	case POL_BUILT_IN:
	case POL_LAYERS:
		break;
	}
	return 0;
}

int
pol_layer_read(enum pol_layer l, const char *root, struct buf *text, struct err *e)
{
	struct err where = ERR_INIT;
	CLEANUP(mem_freep) char *path = pol_layer_path(l, root, &where);
	int got;

	if (path == NULL && where.code == ERR_NONE)
		return 0;
	if (path == NULL) {
		*e = where;
		return policy_error(e);
	}
	got = layer_read(l, root, path, text, e);
	return got < 0 ? policy_error(e) : got;
}

/* The texts of up to three files, as they are collected. */
struct texts {
	char *path[POL_LAYERS];
	struct buf bytes[POL_LAYERS];
	struct pol_text text[POL_LAYERS];
	size_t n;
};

static void
texts_fini(struct texts *t)
{
	for (size_t i = 0; i < POL_LAYERS; i++) {
		free(t->path[i]);
		buf_fini(&t->bytes[i]);
	}
}

static int
take_given(struct texts *t, enum pol_layer l, const char *from, struct err *e)
{
	t->path[l] = mem_strdup(from);
	return path_read(from, &t->bytes[l], e) < 0 ? policy_error(e) : 1;
}

static int
take_live(struct texts *t, enum pol_layer l, const char *root, struct err *e)
{
	const int got = pol_layer_read(l, root, &t->bytes[l], e);

	if (got > 0)
		t->path[l] = pol_layer_path(l, root, e);
	return got;
}

static struct policy *
load(const char *root, enum pol_layer instead, const char *given, struct err *e)
{
	CLEANUP(texts_fini) struct texts t = { .n = 0 };

	for (int i = POL_MANAGED; i < POL_LAYERS; i++) {
		const enum pol_layer l = (enum pol_layer)i;
		int got;

		t.bytes[l].max = POL_FILE_MAX;
		got = given != NULL && l == instead ? take_given(&t, l, given, e)
						    : take_live(&t, l, root, e);
		if (got < 0) {
			(void)err_wrap(e, "cannot read the policy");
			return NULL;
		}
		if (got == 0)
			continue;
		t.text[t.n++] = (struct pol_text){ .layer = l,
			.path = t.path[l],
			.text = { buf_text(&t.bytes[l]), t.bytes[l].n } };
	}
	return pol_of_texts(t.text, t.n, root, e);
}

struct policy *
pol_load_live(const char *root, struct err *e)
{
	return load(root, POL_BUILT_IN, NULL, e);
}

struct policy *
pol_load_with(const char *root, enum pol_layer instead, const char *path, struct err *e)
{
	return load(root, instead, path, e);
}

/* --- a run's policy ---------------------------------------------------------------------- */

static bool
is_sha256(const char *z)
{
	return strlen(z) == REC_SHA_HEX && strspn(z, "0123456789abcdef") == REC_SHA_HEX;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* Nobody misses what is removed here, and nobody is harmed by what stays. */
static void
prune(const char *runs)
{
	CLEANUP(closedirp) DIR *d = opendir(runs);
	const time_t oldest = time(NULL) - (time_t)POL_BUNDLE_DAYS * DAY_S;
	const struct dirent *ent;
	struct stat st;

	for (int i = 0; d != NULL && i < PRUNE_MAX && (ent = readdir(d)) != NULL; i++)
		if (strncmp(ent->d_name, BUNDLE_PREFIX, sizeof BUNDLE_PREFIX - 1) == 0 &&
			fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && st.st_mtime < oldest)
			(void)unlinkat(dirfd(d), ent->d_name, 0);
}

/* Its time says when a run used it last. */
static bool
is_there(const char *path, struct str text)
{
	CLEANUP(buf_fini) struct buf have = BUF_INIT(POL_BUNDLE_MAX);
	struct err other = ERR_INIT; /* whatever it is, it is written anew */

	return path_read(path, &have, &other) == 0 && str_eq(buf_str(&have), text) &&
	       utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

char *
pol_bundle_save(const struct policy *p, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_BUNDLE_MAX);
	CLEANUP(mem_freep) char *runs = place_run(e);
	CLEANUP(mem_freep) char *path = NULL;
	char *got;

	if (runs == NULL)
		return NULL;
	pol_bundle(p, &text);
	if (text.over) {
		(void)err_set(e, ERR_POLICY, "the policy is too long for a run");
		return NULL;
	}
	path = mem_printf("%s/" BUNDLE_PREFIX "%s", runs, pol_digest(p));
	if (!is_there(path, buf_str(&text))) {
		prune(runs);
		if (path_write(path, buf_str(&text), BUNDLE_MODE, e) < 0)
			return NULL;
	}
	got = path;
	path = NULL;
	return got;
}

/* A run may last longer than a bundle is kept. */
static void
keep_young(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > DAY_S)
		(void)utimensat(AT_FDCWD, path, NULL, 0); /* it may not be ours */
}

struct policy *
pol_bundle_load(const char *path, const char *sha256, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_BUNDLE_MAX);
	char have[REC_SHA_HEX + 1];

	if (path_read(path, &text, e) < 0) {
		(void)policy_error(e);
		(void)err_wrap(e, "the policy of the run");
		return NULL;
	}
	rec_sha256(buf_str(&text), have);
	if (sha256 != NULL && strcmp(have, sha256) != 0) {
		(void)err_set(e, ERR_POLICY,
			"%s: not the policy that the launch read: start again", path);
		return NULL;
	}
	keep_young(path);
	return pol_of_bundle(buf_str(&text), path, e);
}

struct policy *
pol_load_for_run(const char *root, struct err *e)
{
	const char *path = getenv("PANDO_POLICY");
	const char *sha256 = getenv("PANDO_POLICY_SHA256");
	CLEANUP(pol_freep) struct policy *p = NULL;
	struct policy *got;

	if (path == NULL)
		return pol_load_live(root, e);
	if (!path_is_absolute(path) || sha256 == NULL || !is_sha256(sha256)) {
		(void)err_set(e, ERR_POLICY,
			"PANDO_POLICY must be an absolute path and PANDO_POLICY_SHA256 the "
			"digest of that file: both are set by the launch");
		return NULL;
	}
	p = pol_bundle_load(path, sha256, e);
	if (p == NULL)
		return NULL;
	if (root != NULL && pol_root(p) != NULL && strcmp(pol_root(p), root) != 0) {
		(void)err_set(e, ERR_POLICY,
			"PANDO_POLICY is the policy of a run in %s, not in %s",
			pol_root(p), root);
		return NULL;
	}
	got = p;
	p = NULL;
	return got;
}
