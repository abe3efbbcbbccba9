#ifndef POLICY_LAYERS_H
#define POLICY_LAYERS_H

/*
 * The files of a policy in the world, and a run's policy as a file of its own.
 *
 *   managed  /etc/pando-ai/policy.toml    root's: it and each folder above it belong to root
 *                                         and nobody else can write them, checked on the
 *                                         descriptors that were opened; no link on the way
 *   user     ~/.pando/policy.toml
 *   project  <root>/.pando/policy.toml    opened beneath the root's descriptor, no link
 *
 * A launch reads them once and saves the texts as one bundle, ~/.pando/run/policy-<sha256>.
 * Shim, hook, gateway and servers of the run all load that, by path and digest
 * (PANDO_POLICY, PANDO_POLICY_SHA256): a file that is changed while a run lasts is the policy
 * of the next run.
 */

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

#define POL_MANAGED_PATH "/etc/pando-ai/policy.toml"

enum { POL_BUNDLE_MAX = 3 * POL_FILE_MAX + 65536 };

/* Where a layer's file is or would be, yours. NULL: it has no place; e tells when it should. */
char *pol_layer_path(enum pol_layer l, const char *root, struct err *e);
/* Its text now: 1; 0: there is none; -1: it may not be read, or not be trusted. */
int pol_layer_read(enum pol_layer l, const char *root, struct buf *text, struct err *e);

/* The files as they are now. root NULL: without a project's file. */
struct policy *pol_load_live(const char *root, struct err *e);
/* The same with one file in the place of that layer's. */
struct policy *pol_load_with(
	const char *root, enum pol_layer instead, const char *path, struct err *e);

/* The bundle: texts, their paths, the root. Pure. */
void pol_bundle(const struct policy *p, struct buf *out);
struct policy *pol_of_bundle(struct str text, const char *name, struct err *e);

/* Days that a bundle is kept which no run has used. */
enum { POL_BUNDLE_DAYS = 30 };

/* Saves the bundle where runs find it (0600); its path, yours. */
char *pol_bundle_save(const struct policy *p, struct err *e);
/* sha256 NULL: whatever is there. A file that has another digest is refused. */
struct policy *pol_bundle_load(const char *path, const char *sha256, struct err *e);

/* For a program of a run: by PANDO_POLICY when that is set, else pol_load_live(). */
struct policy *pol_load_for_run(const char *root, struct err *e);

#endif
