/* SPDX-License-Identifier: BSD-2-Clause */
/* --dump-dtb: the device tree that a guest would get, for explain and for people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmm/device-tree.h"
#include "cli.h"
#include "run.h"

int run_dump_dtb(const struct run_options *options)
{
	uint64_t mpidr[VMM_VCPUS_MAX];
	struct vmm_device_tree tree = {
		.memory = options->vmm.memory,
		.mpidr = mpidr,
		.vcpus = options->vmm.vcpus,
		.append = options->vmm.append,
	};
	struct vmm_file blob;
	struct vmm_error error;
	size_t written;
	FILE *file;

	/* As KVM numbers vCPUs (arch/arm64/kvm/sys_regs.c, reset_mpidr): 16 to a cluster. */
	for (unsigned i = 0; i < tree.vcpus; i++)
		mpidr[i] = (i & 0xf) | (uint64_t)(i >> 4) << 8;
	if (!vmm_device_tree_build(&tree, &blob, &error))
		return cli_fail(error.status, "run", "%s", error.text);
	file = fopen(options->dump_dtb, "we");
	written = file ? fwrite(blob.bytes, 1, blob.size, file) : 0;
	if (!file || written != blob.size || fclose(file)) {
		free(blob.bytes);
		return cli_fail(CLI_USAGE, "run", "--dump-dtb=%s: %s", options->dump_dtb, strerror(errno));
	}
	free(blob.bytes);
	return 0;
}
