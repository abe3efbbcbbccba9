#ifndef SHIM_KEPT_H
#define SHIM_KEPT_H

/*
 * Files of a plan that are the same from one launch to the next: commands, skills, memory. To
 * make a file costs a file system more than all else that a launch does, so these are written
 * once, below ~/.pando-data/claude/<SHA-256 of names and texts>/, and the run's folder gets
 * links to that. There they are read-only, and each file and folder has one set time: what was
 * changed or added since has another, and then all are written anew. What no launch has used
 * for KEPT_DAYS is removed when others are written.
 */

#include "base/err.h"
#include "shim/plan.h"

enum { KEPT_DAYS = 30, KEPT_TIME = 1 /* seconds since 1970 */ };

/*
 * Makes links in the run's folder to the plan's kept files, and the plan's own links of which
 * kept_has_link says so; nothing when it has neither.
 */
int kept_link(int run_dir, const struct plan *p, struct err *e);
bool kept_has_link(const struct plan_link *l);

#endif
