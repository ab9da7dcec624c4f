/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The binding to KVM: capabilities, exits, registers, injection. It talks to arm64 KVM's UAPI through a
 * backend of one function, so that another implementation of the same requests can stand behind it.
 */
#ifndef SALVAGE_KVM_H
#define SALVAGE_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/abort.h>
#include <salvage/poison.h>
#include <salvage/policy.h>
#include <salvage/ras.h>
#include <salvage/space.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * The kernel. ioctl returns what the system call returns, or -errno. It is called on the vCPU's thread
 * only.
 */
struct sv_kvm_backend {
	int (*ioctl)(void *opaque, int fd, unsigned long request, void *argument);
	void *opaque;
};

/* The system's own ioctl(2). */
extern const struct sv_kvm_backend sv_kvm_system;

enum sv_kvm_capability {
	SV_KVM_NISV = 1 << 0,   /* KVM_CAP_ARM_NISV_TO_USER is on: KVM_EXIT_ARM_NISV is reported */
	SV_KVM_INJECT = 1 << 1, /* KVM_CAP_ARM_INJECT_EXT_DABT is there */
	SV_KVM_SEA = 1 << 2,    /* KVM_CAP_ARM_SEA_TO_USER is on: KVM_EXIT_ARM_SEA is reported */
};

/*
 * Probes a VM and turns on what is wanted (enum sv_kvm_capability bits): SV_KVM_NISV for sv_kvm_begin,
 * SV_KVM_SEA for sv_kvm_error. To be called before its first vCPU runs; there is no way back. Returns the
 * bits that are on or there; a kernel that lacks one is no error, but salvage has less to do there.
 */
unsigned sv_kvm_enable(const struct sv_kvm_backend *backend, int vm_fd, unsigned wanted);

/* The vCPU's shared page, from <linux/kvm.h>; salvage reads it by arm64's layout on every host */
struct kvm_run;

#define SV_KVM_NOTES 4

/*
 * One vCPU. The embedder allocates it, calls sv_kvm_vcpu_init, and touches nothing but what is listed
 * first. It belongs to the vCPU's thread. The one exception: for a protected VM, which KVM does not let
 * anybody recognise from the vCPU, the embedder adds SV_CPU_PROTECTED to cpu.flags after sv_kvm_vcpu_init.
 */
struct sv_kvm_vcpu {
	struct sv_session session; /* report and access, as abort.h says */
	/* Called, if set, after salvage wrote guest memory on the guest's behalf (dirty tracking). */
	void (*dirty)(void *opaque, uint64_t ipa, unsigned size);
	void *opaque;
	/* Bad pages that salvage must not touch on the guest's behalf, if set. */
	const struct sv_poison *poison;
	uint32_t index; /* the vCPU's number in records of memory errors */
	/*
	 * The kernel takes ext_iabt_pending (proposed, never in mainline). The embedder knows, or leaves it
	 * false: the capability was proposed under a number that mainline uses for something else, so no
	 * probe can tell.
	 */
	bool ext_iabt;

	struct sv_cpu cpu;
	const struct sv_kvm_backend *backend;
	int fd;
	struct kvm_run *run;
	unsigned except_features;
	bool except_features_known;
	uint16_t vector_lengths; /* bit n: 16 * (n + 1) bytes */
	bool vector_lengths_known;
	bool sve; /* learned when KVM refuses the core SIMD&FP registers, as it does for a vCPU with SVE */

	/*
	 * Memory errors (sv_kvm_error). The signal handler writes notes while the thread is in KVM_RUN only.
	 */
	struct {
		uintptr_t address;
		uint8_t lsb;
	} notes[SV_KVM_NOTES];
	unsigned note_count, note_next;
	uint64_t notes_lost; /* signals that found no room in notes: the guest's access raises another */
	bool looked;         /* this exit was looked at */
	bool at_abort;       /* it left the vCPU at an abort, whose FAR KVM still has, without saying so */
	bool answered;       /* an exception was injected for it */
	/* The last abort that a memory error became: where the guest took it, its page, how many in a row. */
	bool taken;
	uint64_t taken_pc, taken_page;
	unsigned nested;
};

/*
 * features is kvm_vcpu_init.features[0], from which a virtual EL2 is known. Reads ID_AA64MMFR3_EL1 (so the
 * vCPU must be initialised with KVM_ARM_VCPU_INIT) and nothing else. SV_OK or SV_REGISTER.
 */
enum sv_status sv_kvm_vcpu_init(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_backend *backend, int fd,
				struct kvm_run *run, uint64_t features);

/*
 * After KVM_RUN returned 0: true if the exit is salvage's; the session has begun, go on with
 * sv_session_next(&vcpu->session).
 */
bool sv_kvm_begin(struct sv_kvm_vcpu *vcpu, const struct sv_space *space, const struct sv_policy *policy);

/*
 * After a KVM_EXIT_MMIO that met no device: sv_hole of abort.h on this vCPU, by the kernel's road of
 * injection.
 */
enum sv_verdict sv_kvm_hole(struct sv_kvm_vcpu *vcpu, const struct sv_space *space,
			    const struct sv_policy *policy);

/*
 * An exception for the guest, by the road that can say it (docs/injection.md): the kernel's, or PC, PSTATE
 * and the syndrome registers written by hand. Once an exit, before the next KVM_RUN, while the run page still
 * holds the exit. What the session injects comes here too.
 *
 * An abort that answers a KVM_EXIT_MMIO makes exit_reason in the run page KVM_EXIT_INTR: KVM would look there
 * whether an access is still to be completed. The rest of the page stays.
 *
 * SV_OK. SV_MALFORMED as sv_injection_check. SV_UNSUPPORTED: no road can say it, or the kernel refused;
 * nothing has changed. So ends everything but plain external data aborts and SErrors after a KVM_EXIT_MMIO,
 * whose completion would overwrite the registers. SV_REGISTER: a register could not be written, and those
 * written before it could not all be put back.
 */
enum sv_status sv_kvm_inject(struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection);

/*
 * For an embedder that looks at registers, or saves the vCPU, between an injection and the next KVM_RUN: many
 * kernels before about 6.17 enter what came by the kernel's road only then. Until then they show the
 * registers of before, and what is written to those is what the exception saves. Runs no guest code: it is a
 * KVM_RUN with immediate_exit. SV_OK, or SV_UNSUPPORTED if that failed.
 */
enum sv_status sv_kvm_settle(struct sv_kvm_vcpu *vcpu);

/*
 * Registers by the names of regs.h, for embedders (dumps, reset). SV_OK or SV_REGISTER.
 */
enum sv_status sv_kvm_get(struct sv_kvm_vcpu *vcpu, enum sv_reg reg, uint64_t *value);
enum sv_status sv_kvm_set(struct sv_kvm_vcpu *vcpu, enum sv_reg reg, uint64_t value);

/*
 * The low 16 bytes of vector register n, 0..31, as sv_regs_ops says; setting zeroes what SVE has above
 * them.
 */
enum sv_status sv_kvm_get_simd(struct sv_kvm_vcpu *vcpu, unsigned n, uint8_t value[16]);
enum sv_status sv_kvm_set_simd(struct sv_kvm_vcpu *vcpu, unsigned n, const uint8_t value[16]);

/* SVE, as sv_regs_ops says. SV_UNSUPPORTED: the vCPU has none, or has SME as well. */
enum sv_status sv_kvm_vector_length(struct sv_kvm_vcpu *vcpu, unsigned *bytes);
enum sv_status sv_kvm_get_vector(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, uint8_t *value);
enum sv_status sv_kvm_set_vector(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, const uint8_t *value);
enum sv_status sv_kvm_get_predicate(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, uint8_t *value);
enum sv_status sv_kvm_set_predicate(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes,
				    const uint8_t *value);

/*
 * The in-kernel GICv3. An instruction that the CPU does not describe never reaches it: KVM gives the abort to
 * userspace first. Where a device attribute does what the guest's access would have done (docs/vgic.md has
 * the registers), the embedder makes the access by that. For each abort, a register at a time:
 *
 *	region.kernel = &vgic.distributor, or &vgic.redistributors, when the space is built
 *	...
 *	session.access.region->kind is SV_REGION_KERNEL: pause all vCPUs, sv_kvm_vgic_access, let them go on
 *
 * Paused means: every other vCPU is in no ioctl at all, or the kernel answers EBUSY; and none runs before the
 * access is over. Nothing here needs a lock.
 */
struct sv_kvm_vgic {
	struct sv_kernel_map distributor, redistributors; /* empty until sv_kvm_vgic_init succeeded */

	const struct sv_kvm_backend *backend;
	int fd;
	const uint64_t *mpidr;
	size_t count;
};

/*
 * fd is the device, after KVM_DEV_ARM_VGIC_CTRL_INIT and before the first vCPU runs. mpidr has MPIDR_EL1 of
 * count vCPUs in the order of their redistributors, and must stay; a VM with several redistributor regions
 * needs one sv_kvm_vgic for each. SV_OK; SV_MALFORMED if count is 0; SV_UNSUPPORTED if the kernel gives no
 * access to registers, and then all of the vGIC is refused.
 */
enum sv_status sv_kvm_vgic_init(struct sv_kvm_vgic *vgic, const struct sv_kvm_backend *backend, int fd,
				const uint64_t *mpidr, size_t count);

/*
 * Makes an access of a session to a region with one of this vGIC's maps; a read fills in access->data. SV_OK.
 * SV_UNSUPPORTED: no session asks for this. SV_REGISTER: the kernel refused (most likely a vCPU runs); of a
 * write of 8 bytes the first half may be done.
 */
enum sv_status sv_kvm_vgic_access(const struct sv_kvm_vgic *vgic, struct sv_access *access);

/*
 * Installs the process-wide SIGBUS handler that turns a bad read of guest memory by salvage into SV_FAULT.
 * Signals that are not salvage's go to the handler that was there before. Calling it again puts it back if
 * somebody has replaced it meanwhile. Not for two threads at once. SV_OK or SV_UNSUPPORTED.
 */
enum sv_status sv_kvm_guard(void);

struct sigaction; /* <signal.h> */

/*
 * sigaction(2) for SIGBUS, for a process in which ours is to stay the first handler (a preload, a plugin
 * host): action, if not NULL, becomes the one that signals are passed on to, and *old, if not NULL, what was
 * that before. Of its flags SA_RESTART is not followed, and the alternate stack is always taken where there is
 * one. After sv_kvm_guard; not for two threads at once.
 */
void sv_kvm_chain(const struct sigaction *action, struct sigaction *old);

/*
 * Memory errors, from whatever reports them to the guest's abort:
 *
 *	rc = sv_kvm_run(vcpu);
 *	while (sv_kvm_error(vcpu, rc, space, &error)) {
 *		sv_ras_record(ras, &error.record, &answer);
 *		if (sv_kvm_answer(vcpu, policy, &error, &answer) == SV_VERDICT_STOP)
 *			the embedder decides: vcpu->session.report says why
 *	}
 *	if (rc != 0 || exit_reason != KVM_EXIT_ARM_SEA)
 *		the rest of the exit, as always; of KVM_RUN's errors see error.failed
 */

/*
 * As sv_kvm_guard, and from then on SIGBUS with BUS_MCEERR_AR is kept for sv_kvm_error if it comes while its
 * thread is between sv_kvm_enter and sv_kvm_leave, and BUS_MCEERR_AO on any thread for sv_kvm_warning. The
 * former then ends here; the latter is given to the handler that was there before as well, if there was one.
 * Elsewhere BUS_MCEERR_AR is an error of the code that was running. vCPU threads must not block SIGBUS:
 * KVM_RUN would not return.
 */
enum sv_status sv_kvm_watch(void);

/* KVM_RUN by the backend, between sv_kvm_enter and sv_kvm_leave. Returns what it returns. */
int sv_kvm_run(struct sv_kvm_vcpu *vcpu);

/*
 * For embedders that call KVM_RUN themselves: around it, on the vCPU's thread. enter forgets the last exit.
 */
void sv_kvm_enter(struct sv_kvm_vcpu *vcpu);
void sv_kvm_leave(struct sv_kvm_vcpu *vcpu);

/* A memory error that a vCPU met. */
struct sv_kvm_error {
	struct sv_memory_error record; /* for sv_ras_record */
	/*
	 * The vCPU aborted on it. Otherwise nothing is to be answered: should the guest touch it, that comes
	 * again.
	 */
	bool aborted;
	bool failed;   /* it came as an error of KVM_RUN, which is thereby dealt with */
	bool foreign;  /* the host address is in no memslot: what is bad is the VMM's, or the kernel's */
	bool readable; /* the vCPU's registers could be looked at */
	/*
	 * What the guest is to be told, as the hardware would have said it; after sv_kvm_answer what it was
	 * told.
	 */
	struct sv_injection injection;
};

/*
 * After KVM_RUN returned rc (negative: -errno), as often as it returns true: the next memory error that this
 * exit brought, from KVM_EXIT_ARM_SEA, KVM_EXIT_MEMORY_FAULT, EHWPOISON, or SIGBUS. Begins a session of its
 * own for the report: cause, addresses, the instruction where it can be read. Where the hardware gives no
 * address one is inferred (sv_infer_access). Bounded; nothing is changed.
 */
bool sv_kvm_error(struct sv_kvm_vcpu *vcpu, int rc, const struct sv_space *space, struct sv_kvm_error *error);

/*
 * So many memory errors in a row that the guest takes at EL1 before it has returned from the one before, and
 * on no new page, are a guest that cannot handle them.
 */
#define SV_KVM_NESTED_LIMIT 16

/*
 * What becomes of it: what the threshold in answer says (NULL: nobody recorded it), else what policy says for
 * cause sea, or poison. Completes vcpu->session.report.
 *
 * RESUME: run the vCPU. The guest takes the abort (INJECTED; an SError where no road can say it), or nothing
 * happened because it had not aborted, or got one for this exit already (RETRIED). By rule observe it has the
 * SError that it would have had without salvage (OBSERVED).
 * STOP: by rule (STOPPED); by rule observe where SIGBUS would have ended the VMM or KVM_RUN has failed
 * (OBSERVED); or since the guest's vectors are not in good memory (VECTORS), its handler takes the abort over
 * and over (NESTED), the memory is not the guest's (FOREIGN), or nothing can be injected (NO_INJECTION,
 * REGISTER).
 */
enum sv_verdict sv_kvm_answer(struct sv_kvm_vcpu *vcpu, const struct sv_policy *policy,
			      struct sv_kvm_error *error, const struct sv_ras_answer *answer);

/*
 * The rule that decides over an error that nobody aborted on: the threshold in answer, else policy's for
 * cause poison. Only stop, restart and dump mean anything there. Any thread.
 */
const struct sv_rule *sv_kvm_error_rule(const struct sv_policy *policy, const struct sv_memory_error *record,
					const struct sv_ras_answer *answer);

/*
 * The next BUS_MCEERR_AO that was kept and whose address lies in space; if space is NULL, any, with the host
 * address alone. False: there is none. Any thread. It is for a thread that is no vCPU's to ask now and then;
 * of the first 64 none is lost in between.
 */
bool sv_kvm_warning(const struct sv_space *space, struct sv_memory_error *record);

/* How many were kept so far: it is worthwhile to ask again when that has changed. Cheap; any thread. */
unsigned sv_kvm_warned(void);

/* How many BUS_MCEERR_AO found no room so far. */
uint64_t sv_kvm_warnings_lost(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
