/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An access where no memory is (arch/arm64/kvm/mmio.c: io_mem_abort, kvm_handle_mmio_return), and the devices
 * that KVM has itself: doorbells and the vGIC.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include <salvage/syndrome.h>

#include "soft.h"

/* ISS of a data abort with ISV (DDI 0487, D24.2, ESR_EL2). */
#define ISS           UINT64_C(0x1ffffff)
#define ISS_SIZE(esr) (1u << ((esr) >> 22 & 3))
#define ISS_SSE       (UINT64_C(1) << 21)
#define ISS_SRT(esr)  ((unsigned)((esr) >> 16 & 31))
#define ISS_SF        (UINT64_C(1) << 15)
#define ISS_LST       (UINT64_C(3) << 11)
#define ISS_FSC       UINT64_C(0x3f)
#define NISV_KEPT     (SV_ESR_CM | SV_ESR_WnR | ISS_FSC)

static bool is_big_endian(const struct soft_cpu *cpu)
{
	return cpu->sysreg[SOFT_SCTLR_EL1] & (SV_PSTATE_EL(cpu->pstate) ? SV_SCTLR_EE : SV_SCTLR_E0E);
}

/* Memory order and the register's value, size bytes of it. */
static void to_memory(const struct soft_cpu *cpu, uint64_t value, unsigned size, uint8_t *data)
{
	for (unsigned i = 0; i < size; i++)
		data[is_big_endian(cpu) ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static uint64_t from_memory(const struct soft_cpu *cpu, const uint8_t *data, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)data[is_big_endian(cpu) ? size - 1 - i : i] << 8 * i;
	return value;
}

/*
 * A pending external abort answers the access: on kernels whose abort is not entered yet there is nothing to
 * complete as long as it is pending.
 */
void soft_mmio_return(struct soft_vcpu *vcpu)
{
	uint64_t esr = vcpu->fault.esr, value;
	unsigned size = ISS_SIZE(esr);

	if (!vcpu->mmio_needed || vcpu->pending)
		return;
	vcpu->mmio_needed = false;
	if (!(esr & SV_ESR_WnR)) {
		value = from_memory(vcpu->cpu, vcpu->run->mmio.data, size);
		if (esr & ISS_SSE && size < 8 && value >> (8 * size - 1))
			value |= ~UINT64_C(0) << 8 * size;
		if (!(esr & ISS_SF))
			value &= UINT32_MAX;
		soft_vcpu_set_reg(vcpu, ISS_SRT(esr), value);
	}
	vcpu->increment_pc = true;
}

static bool rings(const struct soft_bell *bell, uint64_t ipa, unsigned size, uint64_t value)
{
	return bell->ipa == ipa && (!bell->length || bell->length == size) &&
	       (!bell->datamatch || !bell->length || bell->value == value);
}

/* kvm_io_bus_write, kvm_io_bus_read. */
static bool in_kernel(struct soft_vcpu *vcpu, uint64_t ipa, unsigned size, bool write, uint8_t *data)
{
	struct soft_vm *vm = vcpu->vm;
	uint64_t value = 0;
	bool rung = false;

	memcpy(&value, data, size);
	pthread_rwlock_rdlock(&vm->lock);
	for (unsigned i = 0; write && i < vm->bell_count && !rung; i++)
		if (rings(&vm->bells[i], ipa, size, value)) {
			eventfd_write(vm->bells[i].eventfd, 1);
			rung = true;
		}
	pthread_rwlock_unlock(&vm->lock);
	return rung || soft_vgic_access(vm, ipa, size, write, data);
}

/* What the CPU does not describe. */
static int not_described(struct soft_vcpu *vcpu, uint64_t ipa)
{
	struct sv_kvm_run *run = vcpu->run;

	if (!atomic_load(&vcpu->vm->nisv_to_user))
		return -ENOSYS;
	run->exit_reason = SV_KVM_EXIT_ARM_NISV;
	run->arm_nisv.esr_iss = vcpu->fault.esr & NISV_KEPT;
	run->arm_nisv.fault_ipa = ipa;
	return 0;
}

/* LD64B and the stores of its kind: described, and left to userspace. */
static int ldst64b(struct soft_vcpu *vcpu, uint64_t ipa)
{
	struct sv_kvm_run *run = vcpu->run;

	run->exit_reason = SV_KVM_EXIT_ARM_LDST64B;
	run->arm_nisv.esr_iss = vcpu->fault.esr & ISS & ~ISS_FSC;
	run->arm_nisv.fault_ipa = ipa;
	return 0;
}

int soft_io_abort(struct soft_vcpu *vcpu, uint64_t ipa)
{
	uint64_t esr = vcpu->fault.esr;
	struct sv_kvm_run *run = vcpu->run;
	bool write = esr & SV_ESR_WnR;
	unsigned size = ISS_SIZE(esr);
	uint8_t data[8] = {0};

	if (!(esr & SV_ESR_ISV))
		return not_described(vcpu, ipa);
	if (esr & ISS_LST)
		return ldst64b(vcpu, ipa);
	if (write)
		to_memory(vcpu->cpu, soft_vcpu_reg(vcpu, ISS_SRT(esr)), size, data);
	vcpu->mmio_needed = true;
	run->mmio.phys_addr = ipa;
	run->mmio.is_write = write;
	run->mmio.len = size;
	if (in_kernel(vcpu, ipa, size, write, data)) {
		memcpy(run->mmio.data, data, sizeof(data));
		soft_mmio_return(vcpu);
		return 1;
	}
	if (write)
		memcpy(run->mmio.data, data, sizeof(data));
	run->exit_reason = SV_KVM_EXIT_MMIO;
	return 0;
}

static bool is_same(const struct soft_bell *a, const struct soft_bell *b)
{
	return a->ipa == b->ipa && a->length == b->length && a->datamatch == b->datamatch &&
	       a->eventfd == b->eventfd && (!a->datamatch || a->value == b->value);
}

static bool collides(const struct soft_bell *a, const struct soft_bell *b)
{
	return a->ipa == b->ipa &&
	       (!a->length || !b->length ||
		(a->length == b->length && (!a->datamatch || !b->datamatch || a->value == b->value)));
}

/* With the lock held (virt/kvm/eventfd.c, kvm_assign_ioeventfd_idx). */
static int assign(struct soft_vm *vm, const struct soft_bell *bell)
{
	for (unsigned i = 0; i < vm->bell_count; i++)
		if (collides(&vm->bells[i], bell))
			return -EEXIST;
	if (vm->bell_count == SOFT_BELLS)
		return -ENOSPC;
	vm->bells[vm->bell_count++] = *bell;
	return 0;
}

static int deassign(struct soft_vm *vm, const struct soft_bell *bell)
{
	for (unsigned i = 0; i < vm->bell_count; i++)
		if (is_same(&vm->bells[i], bell)) {
			vm->bells[i] = vm->bells[--vm->bell_count];
			return 0;
		}
	return -ENOENT;
}

int soft_ioeventfd(struct soft_object *object, void *argument)
{
	static const uint32_t lengths = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8;
	const struct sv_kvm_ioeventfd *args = argument;
	struct soft_vm *vm = (struct soft_vm *)object;
	struct soft_bell bell = {.ipa = args->addr,
				 .value = args->datamatch,
				 .length = args->len,
				 .datamatch = args->flags & SV_KVM_IOEVENTFD_FLAG_DATAMATCH,
				 .eventfd = args->fd};
	int rc;

	/* There are no ports here; KVM has them on arm64 too, but no guest reaches them. */
	if (args->flags & ~(SV_KVM_IOEVENTFD_FLAG_DATAMATCH | SV_KVM_IOEVENTFD_FLAG_DEASSIGN) ||
	    args->len > 8 || !(lengths >> args->len & 1) || args->addr + args->len < args->addr ||
	    (!args->len && bell.datamatch))
		return -EINVAL;
	pthread_rwlock_wrlock(&vm->lock);
	rc = args->flags & SV_KVM_IOEVENTFD_FLAG_DEASSIGN ? deassign(vm, &bell) : assign(vm, &bell);
	pthread_rwlock_unlock(&vm->lock);
	return rc;
}
