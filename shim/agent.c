#include "shim/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/record.h"
#include "shim/args.h"
#include "shim/codex_files.h"
#include "shim/probe.h"

enum {
	KEY_HEX = 32,
	PACKAGE_MAX = 1 << 20,
	PACKAGE_UP = 3, /* package.json is at most so many folders above the program */
	SEAL_MAX = PATH_MAX + 256,
	FILE_MODE = 0600
};

#define SEAL_SUFFIX ".seal"

void
agent_fini(struct agent *a)
{
	mem_freep((void *)&a->file);
	mem_freep((void *)&a->real);
	mem_freep((void *)&a->key);
	mem_freep((void *)&a->cache);
	mem_freep((void *)&a->version);
}

/* --- what is kept ------------------------------------------------------------------------ */

/* Another text for each file that ever was there. */
static char *
said_of(const char *path, const struct stat *st)
{
	return mem_printf("%s %ju %ju %ju %jd.%09ld %jd.%09ld", path,
		(uintmax_t)st->st_dev, (uintmax_t)st->st_ino, (uintmax_t)st->st_size,
		(intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static char *
make_key(enum pol_agent kind, const char *real, const struct stat *st)
{
	CLEANUP(mem_freep) char *said = said_of(real, st);
	char sha[REC_SHA_HEX + 1];

	rec_sha256(str_of(said), sha);
	return mem_printf("%s-%.*s", pol_agent_name(kind), KEY_HEX, sha);
}

static char *
kept_path(const struct agent *a, const char *what)
{
	return mem_printf("%s/%s.%s", a->cache, a->key, what);
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* The home of a probe that was killed: no probe that still runs is so old. */
static void
forget_probe(int dir, const char *name)
{
	struct err none = ERR_INIT; /* then the next one does it */
	struct stat st;

	if (strncmp(name, PROBE_FOLDER, sizeof PROBE_FOLDER - 1) == 0 &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		time(NULL) - st.st_mtime > PROBE_OLD_S)
		(void)path_remove_tree(dir, name, &none);
}

/* Removes what was kept about earlier files of this agent; nobody misses it. */
static void
forget_earlier(const struct agent *a)
{
	CLEANUP(closedirp) DIR *d = opendir(a->cache);
	const char *name = pol_agent_name(a->kind);
	const struct dirent *ent;

	while (d != NULL && (ent = readdir(d)) != NULL) {
		forget_probe(dirfd(d), ent->d_name);
		if (strncmp(ent->d_name, name, strlen(name)) == 0 &&
			strncmp(ent->d_name, a->key, strlen(a->key)) != 0)
			(void)unlinkat(dirfd(d), ent->d_name, 0);
	}
}

/*
 * What is kept counts while it is the very file that was written: a change of any kind gives
 * it another ctime, which nobody can set. Cheaper than a digest of the catalog's 750 kB.
 */
static char *
seal_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? NULL : said_of(path, &st);
}

static bool
is_kept(const char *path)
{
	CLEANUP(mem_freep) char *beside = mem_printf("%s" SEAL_SUFFIX, path);
	CLEANUP(mem_freep) char *seal = seal_of(path);
	CLEANUP(buf_fini) struct buf have = BUF_INIT(SEAL_MAX);
	struct err none = ERR_INIT; /* then the agent is asked again */

	return seal != NULL && path_read(beside, &have, &none) == 0 &&
	       strcmp(buf_text(&have), seal) == 0;
}

static int
keep(const struct agent *a, const char *path, struct str text, struct err *e)
{
	CLEANUP(mem_freep) char *beside = mem_printf("%s" SEAL_SUFFIX, path);
	CLEANUP(mem_freep) char *seal = NULL;

	if (path_mkdirs(a->cache, S_IRWXU, e) < 0)
		return -1;
	forget_earlier(a);
	if (path_write(path, text, FILE_MODE, e) < 0)
		return -1;
	seal = seal_of(path);
	return seal == NULL ? err_sys(e, "look at %s", path)
			    : path_write(beside, str_of(seal), FILE_MODE, e);
}

/* --- what is asked ----------------------------------------------------------------------- */

int
agent_output(const struct agent *a, const char *what, const char *const *words,
	struct buf *out, struct err *e)
{
	CLEANUP(mem_freep) char *path = kept_path(a, what);

	if (is_kept(path))
		return path_read(path, out, e);
	if (path_mkdirs(a->cache, S_IRWXU, e) < 0 ||
		probe_run(a->cache, a->file, words, out, e) < 0)
		return -1;
	return keep(a, path, buf_str(out), e);
}

int
agent_lists(const struct agent *a, const char *command, struct err *e)
{
	static const char *const words[] = { "--help", NULL };
	CLEANUP(buf_fini) struct buf help = BUF_INIT(AGENT_OUTPUT_MAX);

	if (agent_output(a, "help", words, &help, e) < 0)
		return -1;
	return args_help_lists(buf_str(&help), command);
}

int
agent_knows(const struct agent *a, const char *command, struct err *e)
{
	CLEANUP(mem_freep) char *why = NULL;
	const int listed = command == NULL ? 1 : agent_lists(a, command, e);

	if (listed != 0)
		return listed < 0 ? -1 : 0;
	why = mem_printf(
		"%s %s does not list it in its --help, and would take it for a prompt",
		pol_agent_name(a->kind), a->version);
	return args_refuse_for(pol_agent_name(a->kind),
		&(struct args_refusal){
			command, why, "say a prompt in more words, or update the agent" },
		e);
}

int
agent_takes_for_prompt(const struct agent *a, const char *word, struct err *e)
{
	const char *name = pol_agent_name(a->kind);
	CLEANUP(mem_freep) char *why = NULL;
	CLEANUP(mem_freep) char *instead = NULL;
	struct err none =
		ERR_INIT; /* it is a prompt all the same, whatever --help says */

	if (word == NULL || agent_lists(a, word, &none) <= 0)
		return 0;
	why = mem_printf("it is a subcommand of %s %s that pando-ai does not know", name,
		a->version);
	instead = mem_printf(
		"put \"%s %s\" in [security] subcommands of the policy to pass "
		"it on unsupervised, or say a prompt in more words",
		name, word);
	return args_refuse_for(name, &(struct args_refusal){ word, why, instead }, e);
}

char *
agent_catalog(const struct agent *a, bool with_patch, struct err *e)
{
	static const char *const words[] = { "debug", "models", "--bundled", NULL };
	CLEANUP(mem_freep)
	char *path = kept_path(a, with_patch ? "catalog-patch.json" : "catalog.json");
	CLEANUP(buf_fini) struct buf bundled = BUF_INIT(AGENT_OUTPUT_MAX);
	CLEANUP(mem_freep) char *edited = NULL;
	char *got = path;

	if (!is_kept(path)) {
		if (path_mkdirs(a->cache, S_IRWXU, e) < 0 ||
			probe_run(a->cache, a->file, words, &bundled, e) < 0)
			return NULL;
		edited = codex_catalog(buf_str(&bundled), with_patch, e);
		if (edited == NULL || keep(a, path, str_of(edited), e) < 0)
			return NULL;
	}
	path = NULL;
	return got;
}

/* --- its version ----------------------------------------------------------------------- */

/* The first word that begins with a digit, of letters that a version has. */
static char *
version_in(struct str text)
{
	static const char letters[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-";
	CLEANUP(mem_freep) char *z = mem_strdup_str(text);
	char *save = NULL;

	for (char *w = strtok_r(z, " \t\r\n", &save); w != NULL;
		w = strtok_r(NULL, " \t\r\n", &save)) {
		const size_t n = strspn(w, letters);

		if (w[0] >= '0' && w[0] <= '9' && w[n] == '\0' && n <= AGENT_VERSION_MAX)
			return mem_strdup(w);
	}
	return NULL;
}

static char *
version_of_package(const char *path)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PACKAGE_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	struct err none = ERR_INIT; /* then the program itself is asked */
	const char *name, *version;

	if (path_read(path, &text, &none) < 0)
		return NULL;
	j = json_parse(buf_str(&text), &none);
	name = json_text_of(j, "name");
	version = json_text_of(j, "version");
	if (name == NULL || version == NULL ||
		(strcmp(name, "@anthropic-ai/claude-code") != 0 &&
			strcmp(name, "@openai/codex") != 0))
		return NULL;
	return version_in(str_of(version));
}

static int
find_version(struct agent *a, struct err *e)
{
	static const char *const words[] = { "--version", NULL };
	CLEANUP(buf_fini) struct buf said = BUF_INIT(AGENT_OUTPUT_MAX);
	CLEANUP(mem_freep) char *dir = path_dir(a->real);

	for (int i = 0; i < PACKAGE_UP && a->version == NULL; i++) {
		CLEANUP(mem_freep) char *path = path_join(dir, "package.json");
		char *up = path_dir(dir);

		a->version = version_of_package(path);
		mem_freep((void *)&dir);
		dir = up;
	}
	if (a->version != NULL)
		return 0;
	if (agent_output(a, "version", words, &said, e) < 0)
		return -1;
	a->version = version_in(buf_str(&said));
	if (a->version == NULL)
		a->version = mem_strdup("unknown");
	return 0;
}

int
agent_open(struct agent *a, enum pol_agent kind, char *file, struct err *e)
{
	CLEANUP(mem_freep) char *data = NULL;
	char real[PATH_MAX];
	struct stat st;

	*a = (struct agent){ .kind = kind, .file = file };
	if (realpath(file, real) == NULL || stat(real, &st) < 0)
		return err_sys(e, "look at %s", file);
	data = place_data(e);
	if (data == NULL)
		return -1;
	a->real = mem_strdup(real);
	a->cache = path_join(data, "agents");
	a->key = make_key(kind, real, &st);
	return find_version(a, e);
}
