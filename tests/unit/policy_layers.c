/* Bundles, who may have written a policy file, and a run's policy in a home of its own. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "policy/bundle.h"
#include "policy/layers.h"
#include "policy/record.h"
#include "policy/trust.h"

enum { FILE_MODE = 0600, PERSON = 1000, OTHER = 1001, DAY_S = 24 * 60 * 60 };

#define MANAGED "lock = true\n[native_tools]\ndeny = [\"Bash\"]\n"
#define USER "[native_tools]\ndeny = [\"Write\"]\n"
#define PROJECT "[native_tools]\ndeny = [\"Read\"]\n"

/* --- bundles ----------------------------------------------------------------------------- */

static struct policy *
three_layers(void)
{
	static const struct pol_text texts[] = {
		{ POL_MANAGED, "/etc/pando-ai/policy.toml",
			{ MANAGED, sizeof MANAGED - 1 } },
		{ POL_USER, "/home/p/.pando/policy.toml", { USER, sizeof USER - 1 } },
		{ POL_PROJECT, "/home/p/a b/.pando/policy.toml",
			{ PROJECT, sizeof PROJECT - 1 } },
	};
	struct err e = ERR_INIT;
	struct policy *p = pol_of_texts(texts, LEN(texts), "/home/p/a b", &e);

	ok(p != NULL, e.text);
	return p;
}

static void
put_bundle(const struct policy *p, struct buf *out)
{
	pol_bundle(p, out);
	ok(!out->over, "it fits");
}

static void
a_bundle_is_this_text(void)
{
	CLEANUP(pol_freep) struct policy *p = three_layers();
	CLEANUP(pol_freep) struct policy *none = pol_default();
	CLEANUP(buf_fini) struct buf b = BUF_INIT(POL_BUNDLE_MAX);
	CLEANUP(buf_fini) struct buf empty = BUF_INIT(POL_BUNDLE_MAX);
	char sha[REC_SHA_HEX + 1];

	put_bundle(p, &b);
	ok_str(buf_text(&b),
		"pando-policy 1\nroot 11\n/home/p/a b\n"
		"managed 25 43\n/etc/pando-ai/policy.toml\n" MANAGED "\n"
		"user 26 32\n/home/p/.pando/policy.toml\n" USER "\n"
		"project 30 31\n/home/p/a b/.pando/policy.toml\n" PROJECT "\nend\n",
		"three files");
	rec_sha256(buf_str(&b), sha);
	ok_str(pol_digest(p), sha, "the policy's digest is that of its bundle");
	put_bundle(none, &empty);
	ok_str(buf_text(&empty), "pando-policy 1\nroot -\nend\n", "no file, no root");
}

static void
what_a_bundle_says_is_what_went_in(void)
{
	CLEANUP(pol_freep) struct policy *p = three_layers();
	CLEANUP(buf_fini) struct buf b = BUF_INIT(POL_BUNDLE_MAX);
	CLEANUP(buf_fini) struct buf again = BUF_INIT(POL_BUNDLE_MAX);
	CLEANUP(pol_freep) struct policy *q = NULL;
	struct err e = ERR_INIT;

	put_bundle(p, &b);
	q = pol_of_bundle(buf_str(&b), "b", &e);
	ok(q != NULL, e.text);
	if (q == NULL)
		return;
	put_bundle(q, &again);
	ok_bytes(buf_str(&again), buf_str(&b), "byte for byte");
	ok_str(pol_root(q), "/home/p/a b", "root");
	ok_str(pol_path(q, POL_PROJECT), "/home/p/a b/.pando/policy.toml", "path");
	for (size_t n = 0; n < b.n; n++) {
		struct bundle part = { .root = NULL };

		e = (struct err)ERR_INIT;
		ok_int(bundle_read(&part, (struct str){ b.p, n }, &e), -1, "a prefix");
		ok_int(e.code, ERR_POLICY, "is no bundle");
		bundle_fini(&part);
	}
}

static void
what_is_no_bundle_is_refused(void)
{
#define HEAD "pando-policy 1\nroot -\n"
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ HEAD "end\n", 0 },
		{ HEAD "user 1 0\np\n\nend\n", 0 },
		{ "pando-policy 1\nroot 2\n/a\nend\n", 0 },
		{ "", -1 },
		{ "pando-policy 2\nroot -\nend\n", -1 },
		{ "pando-policy 1\nend\n", -1 },
		{ "pando-policy 1\nroot 1\na\nend\n", -1 }, /* not absolute */
		{ "pando-policy 1\nroot 0\n\nend\n", -1 },
		{ "pando-policy 1\nroot 02\n/a\nend\n", -1 }, /* two ways to say it */
		{ "pando-policy 1\nroot +2\n/a\nend\n", -1 },
		{ "pando-policy 1\nroot 9999\n/a\nend\n", -1 },
		{ "pando-policy 1\nroot 99999999999999999999\n/a\nend\n", -1 },
		{ HEAD "end\nmore", -1 },
		{ HEAD "user 1 0\np\n\nuser 1 0\np\n\nend\n", -1 },    /* twice */
		{ HEAD "project 1 0\np\n\nuser 1 0\np\n\nend\n", -1 }, /* out of order */
		{ HEAD "built-in 1 0\np\n\nend\n", -1 },
		{ HEAD "user 0 0\n\n\nend\n", -1 },
		{ HEAD "user 1 1\np\n\nend\n", -1 },
		{ HEAD "user 1 2097152\np\n\nend\n", -1 },
		{ HEAD "user 1 0 \np\n\nend\n", -1 },
		{ HEAD "user  1 0\np\n\nend\n", -1 },
		{ HEAD "user 1 0\r\np\n\nend\n", -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct bundle b = { .root = NULL };
		struct err e = ERR_INIT;

		ok_int(bundle_read(&b, str_of(rows[i].text), &e), rows[i].want,
			rows[i].text);
		bundle_fini(&b);
	}
	{
		static const char nul[] = HEAD "user 2 0\np\0\n\nend\n";
		struct bundle b = { .root = NULL };
		struct err e = ERR_INIT;

		ok_int(bundle_read(&b, (struct str){ nul, sizeof nul - 1 }, &e), -1,
			"a NUL in a path");
		bundle_fini(&b);
	}
#undef HEAD
}

/* --- trust --------------------------------------------------------------------------------- */

static void
the_managed_file_is_roots_alone(void)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		enum trust_part part;
		const char *fault; /* NULL: trusted */
	} rows[] = {
		{ S_IFDIR | 0755, 0, TRUST_FOLDER, NULL },
		{ S_IFDIR | 0700, 0, TRUST_FOLDER, NULL },
		{ S_IFDIR | 0775, 0, TRUST_FOLDER, "chmod go-w /x" },
		{ S_IFDIR | 0757, 0, TRUST_FOLDER, "chmod go-w /x" },
		{ S_IFDIR | 01777, 0, TRUST_FOLDER, "chmod go-w /x" },
		{ S_IFDIR | 0755, PERSON, TRUST_FOLDER, "chown root /x" },
		{ S_IFDIR | 0755, 65534, TRUST_FOLDER, "belongs to user 65534" },
		{ S_IFLNK | 0777, 0, TRUST_FOLDER, "symbolic link" },
		{ S_IFREG | 0644, 0, TRUST_FOLDER, "not a folder" },
		{ S_IFREG | 0644, 0, TRUST_FILE, NULL },
		{ S_IFREG | 0444, 0, TRUST_FILE, NULL },
		{ S_IFREG | 0664, 0, TRUST_FILE, "chmod go-w /x" },
		{ S_IFREG | 0646, 0, TRUST_FILE, "chmod go-w /x" },
		{ S_IFREG | 0600, PERSON, TRUST_FILE, "chown root /x" },
		{ S_IFLNK | 0777, 0, TRUST_FILE, "symbolic link" },
		{ S_IFDIR | 0755, 0, TRUST_FILE, "not a regular file" },
		{ S_IFIFO | 0600, 0, TRUST_FILE, "not a regular file" },
		{ S_IFCHR | 0600, 0, TRUST_FILE, "not a regular file" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct stat st = { .st_mode = rows[i].mode, .st_uid = rows[i].uid };
		const char *fault = rows[i].fault;
		struct err e = ERR_INIT;

		ok_int(trust_managed(&st, "/x", rows[i].part, &e), fault == NULL ? 0 : -1,
			fault == NULL ? "trusted" : fault);
		ok(fault == NULL || strstr(e.text, fault) != NULL, e.text);
		ok_int(e.code, fault == NULL ? ERR_NONE : ERR_POLICY,
			"an error of policy");
	}
}

static void
the_persons_file_is_the_persons(void)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		const char *fault;
	} rows[] = {
		{ S_IFREG | 0600, PERSON, NULL },
		{ S_IFREG | 0644, PERSON, NULL },
		{ S_IFREG | 0664, PERSON, "chmod go-w /x" },
		{ S_IFREG | 0602, PERSON, "chmod go-w /x" },
		{ S_IFREG | 0600, OTHER, "belongs to user 1001" },
		{ S_IFREG | 0600, 0, "belongs to user 0" },
		{ S_IFLNK | 0777, PERSON, "symbolic link" },
		{ S_IFDIR | 0700, PERSON, "not a regular file" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		const struct stat st = { .st_mode = rows[i].mode, .st_uid = rows[i].uid };
		const char *fault = rows[i].fault;
		struct err e = ERR_INIT;

		ok_int(trust_user(&st, "/x", PERSON, &e), fault == NULL ? 0 : -1,
			fault == NULL ? "trusted" : fault);
		ok(fault == NULL || strstr(e.text, fault) != NULL, e.text);
	}
}

/* --- a home ---------------------------------------------------------------------------------- */

struct home {
	char path[64];
	char *root, *user, *project;
};

static void
put(const char *path, const char *text)
{
	CLEANUP(mem_freep) char *dir = path_dir(path);
	struct err e = ERR_INIT;

	ok_int(path_mkdirs(dir, S_IRWXU, &e), 0, e.text);
	ok_int(path_write(path, str_of(text), FILE_MODE, &e), 0, e.text);
}

static struct home
home_new(void)
{
	struct home h = { .path = "/tmp/pando-layers-XXXXXX" };

	if (mkdtemp(h.path) == NULL || setenv("HOME", h.path, 1) < 0)
		abort();
	(void)unsetenv("PANDO_POLICY");
	(void)unsetenv("PANDO_POLICY_SHA256");
	h.root = path_join(h.path, "project");
	h.user = path_join(h.path, ".pando/policy.toml");
	h.project = path_join(h.root, ".pando/policy.toml");
	if (mkdir(h.root, S_IRWXU) < 0)
		abort();
	return h;
}

static void
home_gone(struct home *h)
{
	struct err e = ERR_INIT;

	ok_int(path_remove_tree(AT_FDCWD, h->path, &e), 0, e.text);
	mem_freep((void *)&h->root);
	mem_freep((void *)&h->user);
	mem_freep((void *)&h->project);
}

/* What stands in the error, NULL when it loads. */
static void
ok_live(const struct home *h, const char *fault)
{
	struct err e = ERR_INIT;
	CLEANUP(pol_freep) struct policy *p = pol_load_live(h->root, &e);

	ok((p != NULL) == (fault == NULL), fault == NULL ? e.text : fault);
	if (p != NULL || fault == NULL)
		return;
	ok(strstr(e.text, fault) != NULL, e.text);
	ok_int(e.code, ERR_POLICY, e.text);
}

static void
the_files_are_found_and_checked(void)
{
	CLEANUP(home_gone) struct home h = home_new();
	CLEANUP(mem_freep) char *folder = path_dir(h.project);
	struct err e = ERR_INIT;

	ok_live(&h, NULL);
	put(h.user, USER);
	put(h.project, PROJECT);
	{
		CLEANUP(pol_freep) struct policy *p = pol_load_live(h.root, &e);

		ok(p != NULL, e.text);
		if (p == NULL)
			return;
		ok_str(pol_path(p, POL_USER), h.user, "the person's");
		ok_str(pol_path(p, POL_PROJECT), h.project, "the project's");
		ok_str(pol_root(p), h.root, "root");
	}
	ok_int(chmod(h.user, 0620), 0, "chmod");
	ok_live(&h, "chmod go-w");
	ok_int(unlink(h.user), 0, "unlink");
	ok_int(symlink(h.project, h.user), 0, "symlink");
	ok_live(&h, "symbolic link");
	ok_int(unlink(h.user), 0, "unlink");
	ok_int(mkdir(h.user, S_IRWXU), 0, "mkdir");
	ok_live(&h, "not a regular file");
	ok_int(rmdir(h.user), 0, "rmdir");
	ok_int(unlink(h.project), 0, "unlink");
	ok_live(&h, NULL); /* .pando is an empty folder, as the sandbox leaves it */
	ok_int(symlink("/etc/passwd", h.project), 0, "symlink");
	ok_live(&h, "symbolic link");
	ok_int(unlink(h.project), 0, "unlink");
	ok_int(mkfifo(h.project, FILE_MODE), 0, "mkfifo");
	ok_live(&h, "not a regular file");
	ok_int(unlink(h.project), 0, "unlink");
	ok_int(rmdir(folder), 0, "rmdir");
	ok_int(symlink(h.path, folder), 0, "symlink");
	ok_live(&h, "symbolic link");
	ok_int(unlink(folder), 0, "unlink");
	put(folder, "a file");
	ok_live(&h, "is not a folder");
}

static void
another_file_can_stand_for_a_layer(void)
{
	CLEANUP(home_gone) struct home h = home_new();
	CLEANUP(mem_freep) char *other = path_join(h.path, "new.toml");
	struct err e = ERR_INIT;

	put(h.user, "[nonsense]\n");
	put(other, USER);
	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		CLEANUP(pol_freep)
		struct policy *p = pol_load_with(h.root, (enum pol_layer)l, other, &e);

		ok_int(p != NULL, l == POL_USER, pol_layer_name((enum pol_layer)l));
		if (p != NULL)
			ok_str(pol_path(p, (enum pol_layer)l), other, "its path");
	}
	ok(pol_load_with(h.root, POL_USER, "/nonexistent", &e) == NULL, "no such file");
	ok_int(e.code, ERR_POLICY, e.text);
}

static void
a_run_keeps_the_policy_of_its_launch(void)
{
	CLEANUP(home_gone) struct home h = home_new();
	struct err e = ERR_INIT;
	CLEANUP(pol_freep) struct policy *live = NULL;
	CLEANUP(pol_freep) struct policy *run = NULL;
	CLEANUP(pol_freep) struct policy *any = NULL;
	CLEANUP(mem_freep) char *path = NULL;
	struct stat st;

	put(h.user, USER);
	live = pol_load_live(h.root, &e);
	path = live == NULL ? NULL : pol_bundle_save(live, &e);
	ok(path != NULL, e.text);
	if (path == NULL)
		return;
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == FILE_MODE, "0600");
	put(h.user, "[nonsense]\n");
	ok(setenv("PANDO_POLICY", path, 1) == 0, "as a launch sets it");
	ok(pol_load_for_run(h.root, &e) == NULL, "not without the digest");
	ok(setenv("PANDO_POLICY_SHA256", pol_digest(live), 1) == 0, "the digest");
	e = (struct err)ERR_INIT;
	run = pol_load_for_run(h.root, &e);
	ok(run != NULL, e.text);
	if (run != NULL)
		ok_str(pol_digest(run), pol_digest(live), "the same");
	ok(pol_load_for_run("/another", &e) == NULL, "not for another project");
	put(path, "pando-policy 1\nroot -\nend\n");
	ok(pol_load_for_run(h.root, &e) == NULL, "not when it was changed");
	ok(strstr(e.text, "start again") != NULL, e.text);
	any = pol_bundle_load(path, NULL, &e);
	ok(any != NULL && pol_root(any) == NULL,
		"but without a digest whatever is there");
	ok(setenv("PANDO_POLICY", "relative", 1) == 0, "a bad path");
	ok(pol_load_for_run(h.root, &e) == NULL, "is refused");
	ok(unsetenv("PANDO_POLICY") == 0, "without a launch");
	ok(pol_load_for_run(h.root, &e) == NULL && strstr(e.text, "nonsense") != NULL,
		"the files hold");
}

static void
set_age(const char *path, int days)
{
	const time_t then = time(NULL) - (time_t)days * DAY_S;
	const struct timespec times[] = { { then, 0 }, { then, 0 } };

	ok_int(utimensat(AT_FDCWD, path, times, 0), 0, path);
}

static time_t
age_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (time(NULL) - st.st_mtime) / DAY_S;
}

static void
bundles_that_nobody_uses_go(void)
{
	CLEANUP(home_gone) struct home h = home_new();
	CLEANUP(mem_freep) char *run = path_join(h.path, ".pando/run/0123456789abcdef");
	CLEANUP(mem_freep) char *old = NULL;
	CLEANUP(mem_freep) char *used = NULL;
	CLEANUP(mem_freep) char *third = NULL;
	CLEANUP(pol_freep) struct policy *a = pol_default();
	CLEANUP(pol_freep) struct policy *b = NULL;
	CLEANUP(pol_freep) struct policy *c = NULL;
	CLEANUP(pol_freep) struct policy *mended = NULL;
	struct err e = ERR_INIT;

	b = pol_parse(STR(USER), "b", &e);
	c = pol_parse(STR(PROJECT), "c", &e);
	old = pol_bundle_save(a, &e);
	used = pol_bundle_save(b, &e);
	if (old == NULL || used == NULL) {
		ok(false, e.text);
		return;
	}
	ok_int(mkdir(run, S_IRWXU), 0, "a run's folder");
	set_age(run, POL_BUNDLE_DAYS + 1);
	set_age(old, POL_BUNDLE_DAYS + 1);
	set_age(used, POL_BUNDLE_DAYS + 1);
	{
		CLEANUP(pol_freep)
		struct policy *again = pol_bundle_load(used, pol_digest(b), &e);

		ok(again != NULL, e.text);
	}
	ok_int(age_of(used), 0, "a use makes it young");
	third = pol_bundle_save(c, &e);
	ok(third != NULL, e.text);
	ok_int(age_of(old), -1, "the unused one is gone");
	ok_int(age_of(used), 0, "the used one is there");
	ok(age_of(run) > 0, "and so is what is no bundle");
	set_age(used, 2);
	mem_freep((void *)&used);
	used = pol_bundle_save(b, &e);
	ok_int(used == NULL ? -1 : age_of(used), 0, "a launch makes it young, too");
	if (used == NULL)
		return;
	put(used, "damaged");
	mem_freep((void *)&used);
	used = pol_bundle_save(b, &e);
	mended = used == NULL ? NULL : pol_bundle_load(used, pol_digest(b), &e);
	ok(mended != NULL, "a damaged one is written anew");
}

int
main(void)
{
	(void)umask(S_IWGRP | S_IWOTH);
	a_bundle_is_this_text();
	what_a_bundle_says_is_what_went_in();
	what_is_no_bundle_is_refused();
	the_managed_file_is_roots_alone();
	the_persons_file_is_the_persons();
	the_files_are_found_and_checked();
	another_file_can_stand_for_a_layer();
	a_run_keeps_the_policy_of_its_launch();
	bundles_that_nobody_uses_go();
	return test_done();
}
