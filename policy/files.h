#ifndef POLICY_FILES_H
#define POLICY_FILES_H

/*
 * The decision log for readers: its files from the oldest to the one that is written, and
 * their lines. What is opened here stays the same through a rotation.
 */

#include <sys/types.h>

#include "base/err.h"
#include "policy/record.h"

/* <path>.<number>, yours; number 0: path itself. */
char *rec_file_name(const char *path, int number);
/* The numbers of the rotated files that are there, from 1 up; answers how many. */
size_t rec_file_numbers(const char *path, int out[REC_KEEP_MAX]);
/* -1 with EWOULDBLOCK's error: somebody held the lock for REC_LOCK_MS. */
enum { REC_LOCK_MS = 5000 };
int rec_lock(int fd, int how, const char *path, struct err *e);

struct rec_file {
	char *path;
	int fd;
	uint64_t size; /* when it was opened */
};

struct rec_files {
	struct rec_file *at; /* from the oldest to the newest */
	size_t n;
	struct rec_head head; /* of the same moment */
	enum { REC_HEAD_NONE, REC_HEAD_GOOD, REC_HEAD_BAD } state;
};

#define REC_FILES_INIT                                                                   \
	{                                                                                \
		.at = NULL                                                               \
	}

/* None at all is no error. */
int rec_files_open(struct rec_files *f, const char *path, struct err *e);
/* The same without the head and its lock, for a writer in its turn; and one file alone. */
int rec_files_list(struct rec_files *f, const char *path, struct err *e);
int rec_files_one(struct rec_files *f, const char *path, struct err *e);
void rec_files_close(struct rec_files *f); /* for CLEANUP too */
/* The head alone: 1 there is one, 0 there is none, or none that can be read. */
int rec_head_from(int fd, const char *name, struct rec_head *h, struct err *e);
int rec_head_load(const char *path, struct rec_head *h, struct err *e);

/* Lines of a file, one after the other. */
struct rec_reader {
	int fd;             /* borrowed */
	uint64_t next, end; /* offsets: to read next, to stop at */
	char *p;
	size_t begin, n;
	uint64_t line_at; /* where the line begins that comes next */
	bool waits;       /* leave a line that is not complete yet for later */
	/* of the line that was given last: */
	uint64_t offset;
	bool torn;     /* no newline */
	bool too_long; /* more than REC_LINE_MAX bytes: only its beginning is given */
};

struct rec_reader rec_reader_at(int fd, uint64_t from, uint64_t end);
void rec_reader_fini(struct rec_reader *r); /* for CLEANUP too */
/* 1 a line, without its newline, valid until the next call; 0 there is no more; -1 error. */
int rec_reader_next(struct rec_reader *r, struct str *line, struct err *e);

#endif
