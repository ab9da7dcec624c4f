/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For bench/shim-cost.py, which counts the instructions of exits() and of direct(): KVM_RUN through the shim,
 * and without it, of a kernel that returns at once with an exit that is none of salvage's.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "../shim/shim.h"

#define EXITS 100000

enum { KVM_FD = 100, VM_FD, VCPU_FD };

static struct sv_kvm_run page = {.exit_reason = SV_KVM_EXIT_MMIO};

/* Apart, so that what it costs itself can be left out. */
__attribute__((noinline)) static int kernel(int fd, unsigned long request, ...)
{
	if (request == SV_KVM_CREATE_VM)
		return VM_FD;
	return request == SV_KVM_CREATE_VCPU ? VCPU_FD : 0;
}

static int kvm_fstat(int fd, struct stat *status)
{
	*status = (struct stat){.st_mode = S_IFCHR, .st_rdev = makedev(10, 232)};
	return 0;
}

void exits(void);
void direct(void);

__attribute__((noinline)) void exits(void)
{
	for (unsigned i = 0; i < EXITS; i++)
		ioctl(VCPU_FD, SV_KVM_RUN, 0);
}

__attribute__((noinline)) void direct(void)
{
	for (unsigned i = 0; i < EXITS; i++)
		shim_system.ioctl(VCPU_FD, SV_KVM_RUN, 0);
}

int main(void)
{
	struct sv_kvm_vcpu_init init = {0};
	int fd;

	shim_system_init();
	shim_system.ioctl = kernel;
	shim_system.fstat = kvm_fstat;
	shim_channel = shim_channel_make(&fd);
	if (!shim_channel || ioctl(KVM_FD, SV_KVM_CREATE_VM, 0) != VM_FD ||
	    ioctl(VM_FD, SV_KVM_CREATE_VCPU, 0) != VCPU_FD || ioctl(VCPU_FD, SV_KVM_ARM_VCPU_INIT, &init))
		return EXIT_FAILURE;
	atomic_store(&shim_vcpu_of(VCPU_FD)->run, &page);
	/* The first one looks for a device tree. */
	if (ioctl(VCPU_FD, SV_KVM_RUN, 0))
		return EXIT_FAILURE;
	exits();
	direct();
	printf("%d\n", EXITS);
	return EXIT_SUCCESS;
}
