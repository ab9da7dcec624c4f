/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <salvage/poison.h>

#include "uapi.h"

/*
 * A userfaultfd that may see faults of the kernel's too, as guests' accesses are; -1 with errno. The device
 * is the way for a process that was only given the file's permission.
 */
static int open_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == EPERM) {
#ifdef USERFAULTFD_IOC_NEW
		int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

		if (device >= 0) {
			fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
			close(device);
		}
#endif
		if (fd < 0)
			errno = EPERM;
	}
	return fd;
}

/* All but the opening: 0 or errno. EINVAL from UFFDIO_API is a kernel without the feature. */
static int poison(int fd, void *host, size_t size)
{
	struct uffdio_api api = {.api = UFFD_API, .features = SV_UFFD_FEATURE_POISON};
	struct uffdio_register region = {.range = {(uintptr_t)host, size},
					 .mode = UFFDIO_REGISTER_MODE_MISSING};
	struct sv_uffdio_poison marker = {.start = (uintptr_t)host, .len = size};
	unsigned tries = 1000;
	int error;

	if (ioctl(fd, UFFDIO_API, &api))
		return errno == EINVAL ? ENOSYS : errno;
	if (ioctl(fd, UFFDIO_REGISTER, &region))
		return errno;
	/*
	 * A marker goes where nothing is mapped. Between the two, a guest may touch the page again, for
	 * ever.
	 */
	do {
		error = 0;
		if (madvise(host, size, MADV_DONTNEED) || ioctl(fd, SV_UFFDIO_POISON, &marker))
			error = errno;
		/* EAGAIN: the mappings were changing. EEXIST: it was touched, or is marked already. */
		if (error == EAGAIN || error == EEXIST)
			marker = (struct sv_uffdio_poison){.start = (uintptr_t)host, .len = size};
	} while ((error == EAGAIN || error == EEXIST) && --tries);
	ioctl(fd, UFFDIO_UNREGISTER, &region.range);
	return error;
}

enum sv_status sv_poison_mark(void *host, size_t size)
{
	int fd = open_userfaultfd(), error;

	if (fd < 0)
		return errno == EPERM || errno == ENOSYS ? SV_UNSUPPORTED : SV_SYSTEM;
	error = poison(fd, host, size);
	close(fd);
	errno = error;
	if (error == ENOSYS)
		return SV_UNSUPPORTED;
	return error ? SV_SYSTEM : SV_OK;
}

enum sv_status sv_poison_mark_hardware(void *host, size_t size)
{
	if (!madvise(host, size, MADV_HWPOISON))
		return SV_OK;
	/* EINVAL: not built into the kernel. */
	return errno == EPERM || errno == EINVAL ? SV_UNSUPPORTED : SV_SYSTEM;
}
