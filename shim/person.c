#include "shim/person.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/toml.h"
#include "shim/codex_files.h"
#include "shim/codex_keys.h"
#include "shim/docs.h"
#include "shim/chosen.h"
#include "shim/memory.h"

#define MANAGED_FILE "/etc/claude-code/managed-settings.json"
#define MANAGED_DIR "/etc/claude-code/managed-settings.d"
#define MANAGED_SERVERS "/etc/claude-code/managed-mcp.json"

void
person_fini(struct person *p)
{
	mem_freep((void *)&p->home);
	mem_freep((void *)&p->own_dir);
	mem_freep((void *)&p->settings);
	mem_freep((void *)&p->state);
	mem_freep((void *)&p->root_memory);
	mem_freep((void *)&p->config_text);
	for (size_t i = 0; i < LEN(p->project_settings); i++)
		mem_freep((void *)&p->project_settings[i]);
	mem_freep((void *)&p->chosen);
	carry_fini(&p->carry);
	mem_freep((void *)&p->profile_text);
	mem_freep((void *)&p->profile_name);
	mem_freep((void *)&p->sqlite_dir);
	mem_freep((void *)&p->docs);
	toml_free(p->config);
	toml_free(p->profile);
	p->config = p->profile = NULL;
}

/* Links are followed: people keep such files elsewhere. *text stays NULL when absent. */
static int
read_own(const char *path, char **text, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0
							   : err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", path);
	if (fd_read_all(fd, &b, e) < 0)
		return err_wrap(e, "%s", path);
	*text = mem_strdup(buf_text(&b));
	return 0;
}

static bool
has(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = path_join(dir, name);
	struct stat st;

	return stat(path, &st) == 0;
}

/* True when the name leads into the project, where a session could change what it says. */
static bool
is_in_project(const char *path, const char *root)
{
	char real[PATH_MAX];

	return realpath(path, real) != NULL && path_is_within(real, root);
}

/* Of a project, whoever wrote it: no link is followed, and what is no file is not there. */
static void
read_project_settings(struct person *p, const struct place_root *root)
{
	static const char *const names[] = { ".claude/settings.json",
		".claude/settings.local.json" };
	const char *const dirs[] = { root->path, root->cwd };

	for (size_t i = 0; i < PLAN_SETTINGS_MAX; i++) {
		const char *dir = dirs[i / LEN(names)];
		CLEANUP(buf_fini) struct buf text = BUF_INIT(PLAN_FILE_MAX);
		struct err none = ERR_INIT; /* without them claude has its own choice */
		CLEANUP(fd_closep) int at = -1;
		CLEANUP(fd_closep) int fd = -1;
		struct stat st;

		if (i >= LEN(names) && strcmp(root->cwd, root->path) == 0)
			return;
		at = path_open_dir(dir, &none);
		if (at >= 0)
			fd = path_open_beneath(at, names[i % LEN(names)],
				O_RDONLY | O_NONBLOCK, 0, &none);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			fd_read_all(fd, &text, &none) == 0)
			p->project_settings[i] = mem_strdup(buf_text(&text));
	}
}

static int
read_claude(struct person *p, const struct place_root *root, bool moved, struct err *e)
{
	CLEANUP(mem_freep) char *settings = path_join(p->own_dir, "settings.json");
	CLEANUP(mem_freep)
	char *state = path_join(moved ? p->own_dir : p->home, ".claude.json");
	CLEANUP(mem_freep) char *memory = path_join(p->own_dir, "CLAUDE.md");
	const struct memory_of of = {
		.root = root->path, .cwd = root->cwd, .rules = &p->carry.project_rules
	};

	p->has_login = has(p->own_dir, ".credentials.json");
	p->has_memory = has(p->own_dir, "CLAUDE.md");
	if (p->has_memory && is_in_project(memory, root->path)) {
		carry_leave_out(&p->carry, memory);
		p->has_memory = false;
	}
	p->servers_in_project = is_in_project(state, root->path);
	p->settings_in_project = is_in_project(settings, root->path);
	p->has_file_history = has(p->own_dir, "file-history");
	p->has_plans = has(p->own_dir, "plans");
	p->has_todos = has(p->own_dir, "todos");
	carry_read(&p->carry, p->own_dir, root->path, root->cwd);
	read_project_settings(p, root);
	if (memory_read(&of, &p->root_memory, e) < 0 || chosen_read(&p->chosen, e) < 0 ||
		read_own(settings, &p->settings, e) < 0)
		return -1;
	return read_own(state, &p->state, e);
}

/* A file of codex's configuration; *tree stays NULL when it is absent. */
static int
read_toml(const char *path, char **text, struct toml_node **tree, struct err *e)
{
	if (read_own(path, text, e) < 0)
		return -1;
	if (*text == NULL)
		return 0;
	*tree = toml_parse(str_of(*text), path, e);
	if (*tree == NULL)
		e->code = ERR_DATA; /* it is codex's file, not a policy */
	return *tree == NULL ? -1 : 0;
}

static int
read_profile(struct person *p, const char *name, struct err *e)
{
	CLEANUP(mem_freep) char *path = NULL;

	if (name == NULL)
		return 0;
	p->profile_name = mem_strdup(name);
	path = mem_printf("%s/%s.config.toml", p->own_dir, name);
	if (read_toml(path, &p->profile_text, &p->profile, e) < 0)
		return -1;
	return p->profile != NULL
		       ? 0
		       : err_set(e, ERR_USAGE, "codex: --profile %s: there is no %s",
				 name, path);
}

/* As codex has it: the variable, then the key, else its own folder. */
static char *
sqlite_dir(const struct person *p)
{
	const char *moved = getenv("CODEX_SQLITE_HOME");
	const char *key = codex_text(p->config, "sqlite_home");

	if (moved != NULL && path_is_absolute(moved))
		return mem_strdup(moved);
	return mem_strdup(key != NULL && path_is_absolute(key) ? key : p->own_dir);
}

/* In a keyring it is found by the name of the folder, and each folder has its own. */
static bool
has_keyring(const struct person *p)
{
	const char *store = codex_text(p->config, "cli_auth_credentials_store");

	return store != NULL &&
	       (strcmp(store, "keyring") == 0 || strcmp(store, "auto") == 0);
}

static int
read_codex(struct person *p, const struct place_root *root, const char *profile,
	struct err *e)
{
	CLEANUP(mem_freep) char *config = path_join(p->own_dir, "config.toml");

	p->servers_in_project = is_in_project(config, root->path);
	for (size_t i = 0; codex_links[i].name != NULL; i++)
		if (has(p->own_dir, codex_links[i].name))
			p->has |= 1U << i;
	if (read_toml(config, &p->config_text, &p->config, e) < 0)
		return -1;
	p->has_login = has(p->own_dir, "auth.json") || has_keyring(p);
	p->sqlite_dir = sqlite_dir(p);
	p->docs = docs_read(root, p->config);
	return read_profile(p, profile, e);
}

int
person_read(struct person *p, enum pol_agent a, const struct place_root *root,
	const char *profile, struct err *e)
{
	const bool claude = a == POL_CLAUDE;
	const char *moved = getenv(claude ? "CLAUDE_CONFIG_DIR" : "CODEX_HOME");
	const bool is_moved = moved != NULL && path_is_absolute(moved);

	*p = (struct person){ .home = place_home(e) };
	if (p->home == NULL)
		return -1;
	p->own_dir = is_moved ? mem_strdup(moved)
			      : path_join(p->home, claude ? ".claude" : ".codex");
	return claude ? read_claude(p, root, is_moved, e)
		      : read_codex(p, root, profile, e);
}

int
person_check_outside(enum pol_agent a, const char *path, const char *root, struct err *e)
{
	const char *name = pol_agent_name(a);
	CLEANUP(mem_freep)
	char *guarded = root == NULL ? NULL : mem_printf("%s/.%s", root, name);
	char real[PATH_MAX];

	if (root == NULL)
		return 0;
	if (realpath(path, real) == NULL)
		return err_sys(e, "look at %s", path);
	if (!path_is_within(real, root) || path_is_within(real, guarded))
		return 0;
	return err_set(e, ERR_REFUSED,
		"%s: the folder %s is refused: it is inside the project %s, where a session's "
		"own commands could change what %s loads: put %s elsewhere, or start %s in "
		"another folder",
		name, real, root, name,
		a == POL_CLAUDE ? "CLAUDE_CONFIG_DIR" : "CODEX_HOME", name);
}

int
person_make_sessions(const struct person *p, const char *root, struct err *e)
{
	CLEANUP(mem_freep) char *path = path_join(p->own_dir, "projects");

	/* what claude remembers is in there too, and may name files to send */
	return path_mkdirs(path, S_IRWXU, e) < 0
		       ? -1
		       : person_check_outside(POL_CLAUDE, path, root, e);
}

void
person_tell(const struct person *p, struct plan_facts *f)
{
	f->home = p->home;
	f->own_dir = p->own_dir;
	f->settings = p->settings;
	f->state = p->state;
	f->config = p->config;
	f->servers_in_project = p->servers_in_project;
	f->settings_in_project = p->settings_in_project;
	f->has_login = p->has_login;
	f->has_memory = p->has_memory;
	f->has_file_history = p->has_file_history;
	f->has_plans = p->has_plans;
	f->has_todos = p->has_todos;
	f->has = p->has;
	f->profile_name = p->profile_name;
	f->profile = p->profile;
	f->sqlite_dir = p->sqlite_dir;
	f->docs = p->docs;
	f->root_memory = p->root_memory;
	f->chosen = p->chosen;
	f->carry = &p->carry;
	for (size_t i = 0, n = 0; i < LEN(p->project_settings); i++)
		if (p->project_settings[i] != NULL)
			f->project_settings[n++] = p->project_settings[i];
}

static int
check_one(const char *path, struct err *e)
{
	CLEANUP(mem_freep) char *text = NULL;

	if (read_own(path, &text, e) < 0)
		return -1;
	return text == NULL ? 0 : plan_claude_managed(path, str_of(text), e);
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static int
check_codex(const char *path, bool above, struct err *e)
{
	CLEANUP(mem_freep) char *text = NULL;
	struct toml_node *config;
	int got;

	if (read_own(path, &text, e) < 0)
		return -1;
	if (text == NULL)
		return 0;
	config = toml_parse(str_of(text), path, e);
	if (config == NULL) {
		e->code = ERR_REFUSED;
		return -1;
	}
	got = plan_codex_managed(path, config, above, e);
	toml_free(config);
	return got;
}

static int
check_claude(struct err *e)
{
	CLEANUP(closedirp) DIR *d = opendir(MANAGED_DIR);
	const struct dirent *ent;

	if (d == NULL && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "read " MANAGED_DIR);
	if (check_one(MANAGED_FILE, e) < 0)
		return -1;
	if (has("/", MANAGED_SERVERS))
		return err_set(e, ERR_REFUSED,
			"claude: with " MANAGED_SERVERS
			" it connects the servers that are named "
			"there and no others, so pando-ai's would be missing: ask who manages "
			"that file to take it away");
	while (d != NULL && (ent = readdir(d)) != NULL) {
		CLEANUP(mem_freep) char *path = path_join(MANAGED_DIR, ent->d_name);
		const size_t n = strlen(ent->d_name);

		if (n > 5 && strcmp(ent->d_name + n - 5, ".json") == 0 &&
			check_one(path, e) < 0)
			return -1;
	}
	return 0;
}

int
person_check_managed(enum pol_agent a, struct err *e)
{
	if (a == POL_CLAUDE)
		return check_claude(e);
	if (check_codex("/etc/codex/requirements.toml", true, e) < 0 ||
		check_codex("/etc/codex/managed_config.toml", true, e) < 0)
		return -1;
	return check_codex("/etc/codex/config.toml", false, e);
}
