/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM as this VMM reaches it. Another implementation of the same requests can stand behind it; the rest
 * cannot tell.
 */
#ifndef VMM_KERNEL_H
#define VMM_KERNEL_H

#include <stddef.h>

#include <salvage/kvm.h>

#include "../src/kvm/uapi.h"
#include "error.h"

struct vmm_sea;

struct vmm_kernel {
	struct sv_kvm_backend backend;
	/* /dev/kvm, or -1 with *error filled. */
	int (*open)(void *opaque, struct vmm_error *error);
	/* A vCPU's shared page(s): NULL with errno set. */
	void *(*map)(void *opaque, int vcpu_fd, size_t size);
	void (*unmap)(void *opaque, void *run, size_t size);
	void (*close)(void *opaque, int fd);
	/*
	 * Makes a page of the guest bad as --sea asks, before any vCPU runs. NULL: this kernel cannot; where
	 * it runs in the laboratory, that can.
	 */
	bool (*poison)(void *opaque, int vm_fd, const struct vmm_sea *sea, struct vmm_error *error);
};

/* The system's KVM; its open says why there is none. */
extern const struct vmm_kernel vmm_kernel_system;

int vmm_ioctl(const struct vmm_kernel *kernel, int fd, unsigned long request, void *argument);

/* For requests whose argument is a number. */
int vmm_ioctl_number(const struct vmm_kernel *kernel, int fd, unsigned long request, unsigned long number);

#endif
