/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree: made from the platform's table, or a user's own. */
#ifndef VMM_DEVICE_TREE_H
#define VMM_DEVICE_TREE_H

#include "loader.h"

struct vmm_device_tree {
	uint64_t memory;
	const uint64_t *mpidr; /* affinity fields, one a vCPU */
	unsigned vcpus;
	const char *append;           /* or NULL */
	uint64_t initrd, initrd_size; /* size 0: none */
};

/* *blob->bytes is to be freed. */
bool vmm_device_tree_build(const struct vmm_device_tree *tree, struct vmm_file *blob,
			   struct vmm_error *error);

/*
 * A user's own, in blob, stays as it is, but for what else was asked for: command line and initrd go into its
 * /chosen. blob->bytes may be reallocated. name is for messages.
 */
bool vmm_device_tree_amend(const struct vmm_device_tree *tree, const char *name, struct vmm_file *blob,
			   struct vmm_error *error);

#endif
