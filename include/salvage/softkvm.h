/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64 KVM's side of the abort path in this process, on any host: the same requests, structures and exits
 * as <linux/kvm.h> has on arm64 (typed again in <salvage/uapi.h>), on a small CPU model. For tests of VMMs.
 * docs/softkvm.md says what is modelled and what is not.
 *
 * Descriptors are this module's own and mean nothing to the system. Any thread may call anything, as with
 * KVM: a vCPU's requests wait while another thread is in its KVM_RUN. Nothing may be in a call on what is
 * closed, nor on anything when sv_soft_free is called. Calls that can fail return -errno.
 */
#ifndef SALVAGE_SOFTKVM_H
#define SALVAGE_SOFTKVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Which kernel's behaviour where they differ: when KVM_SET_VCPU_EVENTS takes effect and what becomes of an
 * MMIO access that it answers (docs/injection.md), the order of the events in one request, and
 * KVM_EXIT_ARM_SEA, which only the newest has.
 */
enum sv_soft_kernel {
	SV_SOFT_LINUX_7_1, /* from 6.17 on, but for the SEA exit of 6.19 */
	SV_SOFT_LINUX_6_12,
	SV_SOFT_LINUX_5_10,
};

/*
 * The capability that the proposed instruction abort injection came with. It is there with ext_iabt only:
 * mainline has another one under this number.
 */
#define SV_SOFT_CAP_ARM_INJECT_EXT_IABT 241

struct sv_soft_config {
	enum sv_soft_kernel kernel;
	/*
	 * The proposed extension: kvm_vcpu_events.ext_iabt_pending, EINVAL for both aborts at once, and FnV
	 * of the abort that is answered in the guest's syndrome.
	 */
	bool ext_iabt;
	bool no_ras; /* the CPU has no FEAT_RAS: the host owns every SEA, and SErrors have no syndrome */
	unsigned ipa_bits; /* KVM_CAP_ARM_VM_IPA_SIZE; 0: 48 */
	/* Capabilities that are not there, whatever the kernel has. Copied. */
	const uint32_t *without;
	size_t without_count;
	/*
	 * Called in place of a real SIGBUS for the vCPU's thread, if set. The signal is sent to the calling
	 * thread with rt_tgsigqueueinfo(2); code is BUS_MCEERR_AR, or SI_KERNEL, for which address is NULL.
	 */
	void (*sigbus)(void *opaque, int vcpu_fd, int code, void *address, unsigned lsb);
	void *opaque;
};

/* One /dev/kvm. config may be NULL: all zero. NULL: no memory. */
struct sv_soft *sv_soft_new(const struct sv_soft_config *config);
void sv_soft_free(struct sv_soft *soft);

/*
 * As open("/dev/kvm"), close(2) and ioctl(2); the latter has the form of sv_kvm_backend's, with soft as
 * opaque.
 */
int sv_soft_open(struct sv_soft *soft);
int sv_soft_close(struct sv_soft *soft, int fd);
int sv_soft_ioctl(void *soft, int fd, unsigned long request, void *argument);

/* The vCPU's struct kvm_run, as long as the vCPU is open; NULL: fd is none. There is nothing to unmap. */
void *sv_soft_run_page(struct sv_soft *soft, int vcpu_fd);

/* What is wrong with a page. */
enum sv_soft_error {
	/* The hardware reports a synchronous external abort. */
	SV_SOFT_SEA, /* and no firmware claims it */
	/* Firmware claims it: the host takes the page away, which is SV_SOFT_HWPOISON then */
	SV_SOFT_CLAIMED,
	SV_SOFT_CLAIMED_BAD, /* likewise, but the host cannot recover: SIGBUS without a code */
	/* The host knows already: KVM finds it when it wants to map the page, which stage 2 has no longer. */
	SV_SOFT_HWPOISON,     /* SIGBUS with BUS_MCEERR_AR */
	SV_SOFT_MEMORY_FAULT, /* as of guest_memfd: KVM_RUN fails with EHWPOISON, and KVM_EXIT_MEMORY_FAULT */
	SV_SOFT_GONE,         /* nothing is mapped there: EFAULT, and KVM_EXIT_MEMORY_FAULT */
};

struct sv_soft_poison {
	uint64_t gpa; /* of any byte of the 4 KiB page */
	enum sv_soft_error error;
	/* Of what the hardware reports: */
	unsigned times; /* so many accesses; 0: all. The claimed ones are at an end with the first. */
	bool fetch;     /* instruction fetches, else loads, stores and table walks */
	bool fnv;       /* the CPU gives no address; not of a table walk */
	bool ea;        /* ESR_EL2.EA */
	uint8_t set;    /* ESR_EL2.SET: 0, 2 or 3 */
	bool stage2;    /* of a table walk: it was the walk of stage 2 for it that failed (S1PTW) */
	unsigned lsb;   /* SIGBUS: log2 of the bytes that are lost; 0: 12 */
};

/*
 * Makes a page of a VM bad, in place of what was wrong with it before (a page may be bad for fetches and for
 * data at once). Any thread, also while vCPUs run. -ENOSPC after SV_SOFT_POISONED pages; -EBADF.
 */
#define SV_SOFT_POISONED 64
int sv_soft_poison(struct sv_soft *soft, int vm_fd, const struct sv_soft_poison *poison);
/* Makes it good again. -ENOENT: it was. */
int sv_soft_heal(struct sv_soft *soft, int vm_fd, uint64_t gpa);

/*
 * What the host may do to pages at any time: take them out of stage 2 (they come back at the next access), or
 * clear their access flags. Inclusive; pages without memory are passed over.
 */
int sv_soft_unmap(struct sv_soft *soft, int vm_fd, uint64_t first, uint64_t last);
int sv_soft_age(struct sv_soft *soft, int vm_fd, uint64_t first, uint64_t last);

/* A request that is to fail. The nth that fits, counted from 1, and after it each (forever) or none. */
struct sv_soft_failure {
	unsigned long request; /* 0: any but KVM_RUN */
	uint64_t reg;          /* of KVM_GET_ONE_REG and KVM_SET_ONE_REG: the id; 0: any */
	unsigned nth;
	bool forever;
	int error; /* errno, positive */
};

/* Adds one; NULL removes all. -ENOSPC after SV_SOFT_FAILURES. They change nothing but the result. */
#define SV_SOFT_FAILURES 16
int sv_soft_fail(struct sv_soft *soft, const struct sv_soft_failure *failure);

/* Where a hook is called: on the thread of the request, with no lock held but the vCPU's own. */
enum sv_soft_point {
	SV_SOFT_AT_REQUEST, /* any request, before it is looked at; what is not 0 becomes its result */
	SV_SOFT_AT_ENTRY,   /* the guest is about to run */
	SV_SOFT_AT_ABORT,   /* the CPU came back with an abort, and KVM has not looked at it yet */
	SV_SOFT_AT_EXIT,    /* KVM_RUN is about to return, with result */
	SV_SOFT_POINTS
};

struct sv_soft_event {
	enum sv_soft_point point;
	int fd;                /* the request's; a vCPU's at all points but the first */
	unsigned long request; /* AT_REQUEST */
	void *argument;        /* AT_REQUEST */
	int result;            /* AT_EXIT */
	uint64_t esr, far, ipa,
		pc; /* AT_ABORT: ESR_EL2 and FAR_EL2 as the CPU gives them, and where it was */
};

/*
 * May make any request, of this vCPU and of others, change memory and memslots, poison pages; but not free
 * soft, nor close what the event names, nor run a vCPU. One for each point; NULL: none. To be set while
 * nothing is in a call.
 */
typedef int (*sv_soft_hook)(void *opaque, const struct sv_soft_event *event);
void sv_soft_set_hook(struct sv_soft *soft, enum sv_soft_point point, sv_soft_hook hook, void *opaque);

/*
 * Several vCPUs on one thread, the same way each time: begin says how many instructions a turn may have at
 * most (0: back to threads), next returns the vCPU whose turn it is, for which one KVM_RUN then executes 1 to
 * most instructions and fails with EINTR, unless the guest exits before. A vCPU that waits for an event has
 * its turn over. next: -EAGAIN if all are off.
 */
int sv_soft_schedule(struct sv_soft *soft, int vm_fd, uint64_t seed, unsigned most);
int sv_soft_next(struct sv_soft *soft, int vm_fd);

/* Counted since sv_soft_new. */
struct sv_soft_counts {
	uint64_t requests; /* KVM_RUN excepted */
	uint64_t runs;     /* KVM_RUN */
	uint64_t aborts;   /* stage-2 aborts, those that only mapped a page included */
};
void sv_soft_counts(struct sv_soft *soft, struct sv_soft_counts *counts);

/* Instructions that the vCPU executed since it was created. 0 for what is no vCPU. */
uint64_t sv_soft_instructions(struct sv_soft *soft, int vcpu_fd);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
