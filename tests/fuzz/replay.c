/*
 * Runs a fuzz target over its corpus, so that `make test` needs no fuzzer: each argument is a
 * file, or a folder of files. Every input is also fed cut after each of its first bytes.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_MAX = 1 << 20, PREFIXES_MAX = 512 };

static int inputs;

static int
replay_file(const char *path, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(INPUT_MAX);

	if (path_read(path, &b, e) < 0)
		return -1;
	for (size_t n = 0; n <= b.n && n <= PREFIXES_MAX; n++)
		(void)LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&b), n);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&b), b.n);
	inputs++;
	return 0;
}

static int
replay_folder(const char *path, struct err *e)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int bad = 0;

	if (n < 0)
		return err_sys(e, "read %s", path);
	for (int i = 0; i < n; i++) {
		CLEANUP(mem_freep) char *file = path_join(path, names[i]->d_name);

		if (names[i]->d_name[0] != '.' && bad == 0)
			bad = replay_file(file, e);
		free(names[i]);
	}
	free(names);
	return bad;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct stat st;

	for (int i = 1; i < argc; i++) {
		const int dir = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);

		if ((dir ? replay_folder(argv[i], &e) : replay_file(argv[i], &e)) < 0) {
			printf("not ok - %s\n0 passed, 1 failed, 0 skipped\n", e.text);
			return 1;
		}
	}
	printf("%d passed, %d failed, 0 skipped\n", inputs, inputs == 0);
	return inputs == 0;
}
