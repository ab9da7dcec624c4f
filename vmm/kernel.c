/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"

#define DEVICE "/dev/kvm"

static int system_open(void *opaque, struct vmm_error *error)
{
	struct utsname host;
	int fd;

	if (!uname(&host) && strcmp(host.machine, "aarch64")) {
		vmm_fail(
			error, VMM_UNAVAILABLE,
			"backend kvm: this host is %s, and arm64 guests need an arm64 host; use --backend=lab or --backend=soft",
			host.machine);
		return -1;
	}
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		vmm_fail(
			error, VMM_UNAVAILABLE,
			DEVICE
			": %s; add your user to the group that owns it (usermod -aG kvm USER) and log in again",
			strerror(errno));
	else if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		vmm_fail(error, VMM_UNAVAILABLE,
			 DEVICE ": %s; the kernel has no KVM, or was not entered at EL2; use --backend=lab",
			 strerror(errno));
	else
		vmm_fail(error, VMM_UNAVAILABLE, DEVICE ": %s; use --backend=lab", strerror(errno));
	return -1;
}

static void *system_map(void *opaque, int vcpu_fd, size_t size)
{
	void *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);

	return run == MAP_FAILED ? NULL : run;
}

static void system_unmap(void *opaque, void *run, size_t size)
{
	munmap(run, size);
}

static void system_close(void *opaque, int fd)
{
	close(fd);
}

/* sv_kvm_system is no constant expression, so its function is reached by one of our own. */
static int system_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	return sv_kvm_system.ioctl(sv_kvm_system.opaque, fd, request, argument);
}

const struct vmm_kernel vmm_kernel_system = {
	.backend = {.ioctl = system_ioctl},
	.open = system_open,
	.map = system_map,
	.unmap = system_unmap,
	.close = system_close,
};

int vmm_ioctl(const struct vmm_kernel *kernel, int fd, unsigned long request, void *argument)
{
	return kernel->backend.ioctl(kernel->backend.opaque, fd, request, argument);
}

int vmm_ioctl_number(const struct vmm_kernel *kernel, int fd, unsigned long request, unsigned long number)
{
	return vmm_ioctl(kernel, fd, request, (void *)number);
}
