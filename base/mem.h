#ifndef BASE_MEM_H
#define BASE_MEM_H

/* Memory that is there or the program ends: out of memory aborts with one line. */

#include <stddef.h>

#include "base/str.h"

#define CLEANUP(fn) __attribute__((cleanup(fn)))

void *mem_alloc(size_t n); /* zeroed */
void *mem_grow(void *p, size_t n);
char *mem_strdup(const char *z);
char *mem_strdup_str(struct str s); /* NUL-terminated copy */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mem_freep(void *pp); /* for CLEANUP: frees *(void **)pp */

#endif
