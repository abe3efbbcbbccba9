#include "shim/chosen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/path.h"
#include "base/place.h"
#include "base/secret.h"
#include "shim/claude_choice.h"
#include "shim/plan.h"

static char *
file_of_choices(struct err *e)
{
	CLEANUP(mem_freep) char *data = place_data(e);

	return data == NULL ? NULL : path_join(data, "claude-chosen.json");
}

/* A link is followed: the planned settings are kept elsewhere, see kept.h. */
static int
read_all(const char *path, char **text, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", path);
	if (fd_read_all(fd, &b, e) < 0)
		return err_wrap(e, "%s", path);
	*text = mem_strdup(buf_text(&b));
	return 0;
}

int
chosen_read(char **text, struct err *e)
{
	CLEANUP(mem_freep) char *path = file_of_choices(e);

	*text = NULL;
	return path == NULL ? -1 : read_all(path, text, e);
}

int
chosen_save(const char *run, struct err *e)
{
	CLEANUP(mem_freep) char *runs = place_run(e);
	CLEANUP(mem_freep) char *path = runs == NULL ? NULL : file_of_choices(e);
	CLEANUP(mem_freep) char *planned_at = NULL;
	CLEANUP(mem_freep) char *now_at = NULL;
	CLEANUP(mem_freep) char *chosen = NULL;
	CLEANUP(mem_freep) char *planned = NULL;
	CLEANUP(mem_freep) char *now = NULL;
	CLEANUP(mem_freep) char *text = NULL;

	if (path == NULL)
		return -1;
	if (strlen(run) != ID_HEX || run[strspn(run, "0123456789abcdef")] != '\0')
		return err_set(e, ERR_USAGE, "PANDO_RUN is not the id of a run");
	planned_at = mem_printf("%s/%s/claude/" CLAUDE_PLANNED, runs, run);
	now_at = mem_printf("%s/%s/claude/settings.json", runs, run);
	if (read_all(path, &chosen, e) < 0 || read_all(planned_at, &planned, e) < 0 ||
		read_all(now_at, &now, e) < 0)
		return -1;
	if (now == NULL)
		return 0;
	text = claude_choice_merge(chosen, planned, now);
	return text == NULL ? 0 : path_write(path, str_of(text), S_IRUSR | S_IWUSR, e);
}
