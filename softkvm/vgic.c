/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a GICv3 (arch/arm64/kvm/vgic/vgic-mmio-v3.c, vgic-kvm-device.c), and nothing behind them: no
 * interrupt is ever delivered. Guests and device attributes read what they wrote, as the architecture's
 * registers do that: sets and clears are one state, reserved bits read as zero.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"

#define DISTRIBUTOR   0x10000
#define REDISTRIBUTOR 0x20000
#define SGI_BASE      0x10000
#define INTERRUPTS    256 /* VGIC_NR_IRQS_LEGACY */

#define IIDR              0x4b00243bu /* implementer Arm, product KVM, revision 2 */
#define PIDR2             0x3bu       /* GICv3 */
#define CTLR_ARE          (1u << 4 | 1u << 6)
#define CTLR_GRP1         (1u << 1)
#define TYPER             ((10u - 1) << 19 | (INTERRUPTS / 32 - 1))
#define TYPER_LAST        (1u << 4)
#define ATTR_MPIDR(attr)  ((attr) >> 32)
#define ATTR_OFFSET(attr) ((uint32_t)(attr))

/* The state that a register is a view of: bytes into a frame's store. */
enum {
	ENABLE = 0x100,
	PENDING = 0x200,
	ACTIVE = 0x300,
};

enum view {
	PLAIN,    /* what was written, of the bits that are there */
	SET,      /* reads the state, writing 1 sets */
	CLEAR,    /* reads the state, writing 1 clears */
	CONSTANT, /* bits */
	CONTROL,
	ROUTER, /* 64 bits an interrupt */
	REDIST_TYPER,
};

struct reg {
	uint32_t offset, length;
	enum view view;
	uint32_t state; /* where its bits are kept */
	uint32_t bits;  /* that are there, or that it reads as */
	bool bytes;     /* accesses of one byte too */
	bool doubles;   /* accesses of eight bytes too */
};

/* Interrupts 0-31 are the redistributors' (ARE is fixed at 1): the distributor has them as zero. */
#define SPIS(base, size) (base) + 32 * (size) / 8, (INTERRUPTS - 32) * (size) / 8

static const struct reg distributor[] = {
	{0x0000, 4, CONTROL, 0x0000, CTLR_GRP1},
	{0x0004, 4, CONSTANT, 0, TYPER},
	{0x0008, 4, CONSTANT, 0, IIDR},
	{0x000c, 4, CONSTANT, 0, 0}, /* GICD_TYPER2: no GICv4.1 */
	{SPIS(0x0080, 1), PLAIN, 0x0084, ~0u},
	{SPIS(0x0100, 1), SET, ENABLE + 4, ~0u},
	{SPIS(0x0180, 1), CLEAR, ENABLE + 4, ~0u},
	{SPIS(0x0200, 1), SET, PENDING + 4, ~0u},
	{SPIS(0x0280, 1), CLEAR, PENDING + 4, ~0u},
	{SPIS(0x0300, 1), SET, ACTIVE + 4, ~0u},
	{SPIS(0x0380, 1), CLEAR, ACTIVE + 4, ~0u},
	{SPIS(0x0400, 8), PLAIN, 0x0420, 0xf8f8f8f8, true},
	{SPIS(0x0c00, 2), PLAIN, 0x0c08, 0xaaaaaaaa},
	{SPIS(0x6000, 64), ROUTER, 0x6100, 0x00ffffff, false, true},
	{0xffe8, 4, CONSTANT, 0, PIDR2},
	/* Registers without state: interrupts that are the redistributors' or are not there, other groups. */
	{0x0080, 0x380, CONSTANT, 0, 0},
	{0x0400, 0x800, CONSTANT, 0, 0, true},
	{0x0c00, 0x180, CONSTANT, 0, 0},
	{0x6000, 0x2000, CONSTANT, 0, 0, false, true},
	{0xffd0, 0x30, CONSTANT, 0, 0},
};

static const struct reg redistributor[] = {
	{0x0000, 4, PLAIN, 0x0000, 0},
	{0x0004, 4, CONSTANT, 0, IIDR},
	{0x0008, 8, REDIST_TYPER, 0, 0, false, true},
	{0x0014, 4, CONSTANT, 0, 0},
	{0x0070, 16, CONSTANT, 0, 0, false, true}, /* no LPIs: GICR_PROPBASER, GICR_PENDBASER */
	{0x00a0, 8, CONSTANT, 0, 0, false, true},
	{0x00c0, 4, CONSTANT, 0, 0},
	{0xffe8, 4, CONSTANT, 0, PIDR2},
	{0xffd0, 0x30, CONSTANT, 0, 0},
	{SGI_BASE + 0x0d00, 4, CONSTANT, 0, 0},
	{SGI_BASE + 0x0e00, 4, CONSTANT, 0, 0},
	{SGI_BASE + 0x0080, 4, PLAIN, 0x080, ~0u},
	{SGI_BASE + 0x0100, 4, SET, ENABLE, ~0u},
	{SGI_BASE + 0x0180, 4, CLEAR, ENABLE, ~0u},
	{SGI_BASE + 0x0200, 4, SET, PENDING, ~0u},
	{SGI_BASE + 0x0280, 4, CLEAR, PENDING, ~0u},
	{SGI_BASE + 0x0300, 4, SET, ACTIVE, ~0u},
	{SGI_BASE + 0x0380, 4, CLEAR, ACTIVE, ~0u},
	{SGI_BASE + 0x0400, 32, PLAIN, 0x400, 0xf8f8f8f8, true},
	{SGI_BASE + 0x0c00, 8, PLAIN, 0xc00, 0xaaaaaaaa},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct soft_vgic {
	bool initialised;
	uint64_t distributor, redistributors; /* IPA; 0: not set */
	uint32_t state[0x8000 / 4];           /* the distributor's */
	uint32_t redist[SOFT_VCPUS][0x1000 / 4];
};

struct device {
	struct soft_object object;
	struct soft_vm *vm; /* sv_soft_close looks for it here */
};

/* One frame: its registers, their state, and whose redistributor it is. */
struct frame {
	const struct reg *regs;
	size_t count;
	uint32_t *state;
	struct soft_vm *vm;
	unsigned index;
	bool attribute; /* by a device attribute, not by the guest */
};

static const struct reg *find(const struct frame *frame, uint32_t offset)
{
	for (size_t i = 0; i < frame->count; i++)
		if (offset - frame->regs[i].offset < frame->regs[i].length)
			return &frame->regs[i];
	return NULL;
}

/* GICR_TYPER: affinity, processor number, and whether it is the last. */
static uint64_t typer(const struct frame *frame)
{
	uint64_t mpidr = atomic_load(&frame->vm->vcpus[frame->index])->cpu->sysreg[SOFT_MPIDR_EL1];
	uint64_t affinity = (mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff);

	return affinity << 32 | (uint64_t)frame->index << 8 |
	       (frame->index + 1 == atomic_load(&frame->vm->vcpu_count) ? TYPER_LAST : 0);
}

static uint32_t read_word(const struct frame *frame, const struct reg *reg, uint32_t offset)
{
	uint32_t value = frame->state[(reg->state + (offset - reg->offset)) / 4];

	switch (reg->view) {
	case CONSTANT:
		return reg->bits;
	case CONTROL:
		return value | CTLR_ARE;
	case REDIST_TYPER:
		return (uint32_t)(typer(frame) >> 8 * (offset - reg->offset));
	case CLEAR:
		/* GICD_ICPENDR and GICR_ICPENDR0 are RAZ/WI as attributes (devices/arm-vgic-v3.rst). */
		return frame->attribute && reg->state - PENDING < 0x80 ? 0 : value;
	default:
		return value;
	}
}

static void write_word(const struct frame *frame, const struct reg *reg, uint32_t offset, uint32_t value,
		       uint32_t mask)
{
	uint32_t *state = &frame->state[(reg->state + (offset - reg->offset)) / 4];
	bool pending = reg->state - PENDING < 0x80;

	switch (reg->view) {
	case PLAIN:
	case CONTROL:
		*state = (*state & ~mask) | (value & mask & reg->bits);
		break;
	case ROUTER:
		/* Aff3 is the second word's low byte. */
		*state = value & ((offset & 4) ? 0xff : reg->bits);
		break;
	case SET:
		/* The attribute is the state itself. */
		*state = frame->attribute && pending ? value : *state | value;
		break;
	case CLEAR:
		if (!frame->attribute || !pending)
			*state &= ~value;
		break;
	default:
		break;
	}
}

static bool is_possible(const struct reg *reg, uint32_t offset, unsigned size)
{
	return offset % size == 0 && (size == 4 || (size == 1 && reg->bytes) || (size == 8 && reg->doubles));
}

/* What is no register, or not accessed as it must be, reads as zero and ignores writes. */
static void access_frame(const struct frame *frame, uint32_t offset, unsigned size, bool write, uint8_t *data)
{
	const struct reg *reg = find(frame, offset);

	if (!write)
		memset(data, 0, size);
	if (!reg || !is_possible(reg, offset, size))
		return;
	for (unsigned done = 0; done < size; done += 4) {
		uint32_t at = (offset + done) & ~3u, shift = size == 1 ? offset % 4 * 8 : 0, value = 0;
		unsigned bytes = size == 1 ? 1 : 4;

		if (write) {
			memcpy(&value, data + done, bytes);
			write_word(frame, reg, at, value << shift, (size == 1 ? 0xffu : ~0u) << shift);
		} else {
			value = read_word(frame, reg, at) >> shift;
			memcpy(data + done, &value, bytes);
		}
	}
}

static struct frame distributor_of(struct soft_vm *vm)
{
	return (struct frame){distributor, COUNT(distributor), vm->vgic->state, vm, 0, false};
}

static struct frame redistributor_of(struct soft_vm *vm, unsigned index)
{
	return (struct frame){redistributor, COUNT(redistributor), vm->vgic->redist[index], vm, index, false};
}

bool soft_vgic_access(struct soft_vm *vm, uint64_t ipa, unsigned size, bool write, uint8_t *data)
{
	struct soft_vgic *vgic = vm->vgic;
	struct frame frame;
	uint64_t offset;

	if (!vgic || !vgic->initialised)
		return false;
	if (ipa - vgic->distributor < DISTRIBUTOR) {
		frame = distributor_of(vm);
		offset = ipa - vgic->distributor;
	} else if (ipa - vgic->redistributors < (uint64_t)REDISTRIBUTOR * atomic_load(&vm->vcpu_count)) {
		frame = redistributor_of(vm, (unsigned)((ipa - vgic->redistributors) / REDISTRIBUTOR));
		offset = (ipa - vgic->redistributors) % REDISTRIBUTOR;
	} else {
		return false;
	}
	pthread_rwlock_wrlock(&vm->lock);
	access_frame(&frame, (uint32_t)offset, size, write, data);
	pthread_rwlock_unlock(&vm->lock);
	return true;
}

bool soft_vgic_initialised(const struct soft_vgic *vgic)
{
	return vgic->initialised;
}

void soft_vgic_free(struct soft_vgic *vgic)
{
	free(vgic);
}

int soft_create_device(struct soft_object *object, void *argument)
{
	struct sv_kvm_create_device *request = argument;
	struct soft_vm *vm = (struct soft_vm *)object;
	struct device *device;
	int fd;

	if (request->type != SV_KVM_DEV_TYPE_ARM_VGIC_V3)
		return -ENODEV;
	if (request->flags & SV_KVM_CREATE_DEVICE_TEST)
		return 0;
	if (vm->vgic)
		return -EEXIST;
	device = calloc(1, sizeof(*device));
	vm->vgic = calloc(1, sizeof(*vm->vgic));
	fd = device && vm->vgic ? soft_object_add(object->soft, &device->object, SOFT_KIND_DEVICE) : -ENOMEM;
	if (fd < 0) {
		free(device);
		free(vm->vgic);
		vm->vgic = NULL;
		return fd;
	}
	/* All interrupts are of group 1, the only one that KVM gives a guest. */
	memset(&vm->vgic->state[0x80 / 4], 0xff, INTERRUPTS / 8);
	device->vm = vm;
	pthread_mutex_lock(&object->soft->lock);
	vm->references++;
	pthread_mutex_unlock(&object->soft->lock);
	request->fd = (uint32_t)fd;
	return 0;
}

static int set_address(struct soft_vm *vm, const struct sv_kvm_device_attr *attr, bool write)
{
	uint64_t *user = (uint64_t *)(uintptr_t)attr->addr, *address;

	if (attr->attr == SV_KVM_VGIC_V3_ADDR_TYPE_DIST)
		address = &vm->vgic->distributor;
	else if (attr->attr == SV_KVM_VGIC_V3_ADDR_TYPE_REDIST)
		address = &vm->vgic->redistributors;
	else
		return -ENODEV;
	if (!write) {
		*user = *address;
		return 0;
	}
	if (*user % DISTRIBUTOR)
		return -EINVAL;
	if (*user >> vm->ipa_bits)
		return -E2BIG;
	if (*address)
		return -EEXIST;
	*address = *user;
	return 0;
}

static int initialise(struct soft_vm *vm)
{
	if (!vm->vgic->distributor || !vm->vgic->redistributors)
		return -ENXIO;
	for (unsigned i = 0; i < atomic_load(&vm->vcpu_count); i++)
		vm->vgic->redist[i][0x80 / 4] = ~0u;
	vm->vgic->initialised = true;
	return 0;
}

/* Registers are to be had only while no vCPU is in a request (lock_all_vcpus); count of those locked, or EBUSY. */
static int lock_vcpus(struct soft_vm *vm)
{
	unsigned count = atomic_load(&vm->vcpu_count);

	for (unsigned i = 0; i < count; i++)
		if (pthread_mutex_trylock(&atomic_load(&vm->vcpus[i])->lock)) {
			while (i-- > 0)
				pthread_mutex_unlock(&atomic_load(&vm->vcpus[i])->lock);
			return -EBUSY;
		}
	return (int)count;
}

static int registers(struct soft_vm *vm, const struct sv_kvm_device_attr *attr, bool write)
{
	uint32_t offset = ATTR_OFFSET(attr->attr), *user = (uint32_t *)(uintptr_t)attr->addr;
	struct frame frame = distributor_of(vm);
	int count, rc = 0;

	if (!vm->vgic->initialised)
		return -EBUSY;
	count = lock_vcpus(vm);
	if (count < 0)
		return count;
	if (attr->group == SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS) {
		rc = -EINVAL;
		for (unsigned i = 0; i < (unsigned)count && rc; i++) {
			frame = redistributor_of(vm, i);
			if (typer(&frame) >> 32 == ATTR_MPIDR(attr->attr))
				rc = 0;
		}
	}
	frame.attribute = true;
	if (!rc && (offset % 4 || !find(&frame, offset)))
		rc = -ENXIO;
	if (!rc)
		access_frame(&frame, offset, 4, write, (uint8_t *)user);
	while (count-- > 0)
		pthread_mutex_unlock(&atomic_load(&vm->vcpus[count])->lock);
	return rc;
}

static int attribute(struct soft_object *object, const struct sv_kvm_device_attr *attr, bool write)
{
	struct soft_vm *vm = ((struct device *)object)->vm;

	switch (attr->group) {
	case SV_KVM_DEV_ARM_VGIC_GRP_ADDR:
		return set_address(vm, attr, write);
	case SV_KVM_DEV_ARM_VGIC_GRP_CTRL:
		return write && attr->attr == SV_KVM_DEV_ARM_VGIC_CTRL_INIT ? initialise(vm) : -ENXIO;
	case SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		return registers(vm, attr, write);
	default:
		return -ENXIO;
	}
}

static int set_attr(struct soft_object *object, void *argument)
{
	return attribute(object, argument, true);
}

static int get_attr(struct soft_object *object, void *argument)
{
	return attribute(object, argument, false);
}

static int has_attr(struct soft_object *object, void *argument)
{
	switch (((const struct sv_kvm_device_attr *)argument)->group) {
	case SV_KVM_DEV_ARM_VGIC_GRP_ADDR:
	case SV_KVM_DEV_ARM_VGIC_GRP_CTRL:
	case SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		return 0;
	default:
		return -ENXIO;
	}
}

const struct soft_request soft_device_requests[] = {
	{SV_KVM_SET_DEVICE_ATTR, set_attr},
	{SV_KVM_GET_DEVICE_ATTR, get_attr},
	{SV_KVM_HAS_DEVICE_ATTR, has_attr},
	{0, NULL},
};
