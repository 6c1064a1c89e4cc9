//! From the bits P, R, Z and W to the result in a ring.
//!
//! Of each bit the two parties see the sum with a mask κ of the client's and a mask μ of the
//! server's, so P = P̄ ± δ for δ = κ ⊕ μ, with − if P̄ is 1; the products with δ are shared
//! beforehand. Of a maximum of x₁ and x₂ there is only Z, in the place of P.

use rand::{CryptoRng, RngExt};

use super::Side;
use super::message::Message;
use super::plane::{Plane, Planes, Ring, negate_if};
use super::program::{MOST_OPENED, Program};
use super::transfer::RingTransfer;

/// What a result's preparation begins with.
pub(super) struct ResultTransfers {
    /// μ_P is the server's choice.
    server: RingTransfer,
    /// κ of each bit is the client's choice.
    client: Vec<RingTransfer>,
    /// Of the bits P, Z, W and R: κ for the client, μ for the server.
    pub(super) own: Planes,
    /// The client's A; 0 for the server.
    input: Ring,
}

/// The same with shares of δ_P·A.
pub(super) struct HalfResult {
    client: Vec<RingTransfer>,
    shares: ResultShares,
}

/// A result, prepared.
pub(super) struct ResultShares {
    own: Planes,
    /// The client's A, then the server's B.
    input: Ring,
    /// δ_P·A.
    masked_input: Ring,
    /// κ_P·σ.
    masked_sigma: Ring,
    /// The server's σ; 0 for the client.
    sigma: Ring,
    /// δ·g of Z, W and R.
    masks: Vec<Ring>,
}

/// Puts what P is multiplied with in place: A, of values of the client's, or B, of the server's.
#[inline(always)]
fn set_input(program: &Program, values: &[u32], side: Side, input: &mut Ring) {
    let inputs = input.iter_mut().zip(values);
    if program.is_maximum() {
        inputs.for_each(|(input, value)| *input = value.wrapping_neg());
        return;
    }
    let (shift, most) = (program.digits.shift(), (1 << program.digits.result_bits()) - 1);
    let less = if let Side::Client = side { most } else { 0 };
    inputs.for_each(|(input, value)| *input = (value >> shift & most).wrapping_sub(less));
}

/// g: what Z, W and R are multiplied by.
fn factors(program: &Program) -> impl Iterator<Item = u32> {
    let c = program.digits.result_bits();
    [(1 << c) - 1, 1 << c, 1].into_iter().take(program.opened() - 1)
}

impl ResultTransfers {
    /// With the server's choice in `server`, the client's in `client`; `a` are the client's sums
    /// (nothing for the server).
    #[inline(always)]
    pub(super) fn new(
        program: &Program,
        a: &[u32],
        server: RingTransfer,
        client: Vec<RingTransfer>,
        side: Side,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let (mut own, mut input) = (Planes::zero(client.len()), Ring::default());
        for (bit, (own, client)) in own.iter_mut().zip(&client).enumerate() {
            *own = match side {
                Side::Client => client.choice(),
                Side::Server if bit == 0 => server.choice(),
                Side::Server => Plane(rng.random()),
            };
        }
        set_input(program, a, side, &mut input);
        Self { server, own, client, input }
    }

    /// The client sends.
    #[inline(always)]
    pub(super) fn up(self, program: &Program, message: &mut Message<'_>) -> HalfResult {
        let Self { server, client, own, input } = self;
        let kappa = own[0].masks();
        let payload = Ring::of(|i| negate_if(kappa[i], input[i]));
        let mut masked_input = server.times(payload, program.out_bits, message);
        masked_input.update(|i, share| share.wrapping_add(kappa[i] & input[i]));
        let (masked_sigma, sigma, masks) = (Ring::default(), Ring::default(), Vec::new());
        let shares = ResultShares { own, input, masked_input, masked_sigma, sigma, masks };
        HalfResult { client, shares }
    }
}

impl HalfResult {
    /// The server sends.
    #[inline(always)]
    pub(super) fn down(self, program: &Program, message: &mut Message<'_>) -> ResultShares {
        let Self { client, mut shares } = self;
        let mut client = client.into_iter();
        let of_p = client.next().expect("a transfer for P");
        (shares.masked_sigma, shares.sigma) = of_p.times_random();
        for ((transfer, own), g) in client.zip(&shares.own[1..]).zip(factors(program)) {
            shares.masks.push(mask_times(transfer, own, g, program.out_bits, message));
        }
        shares
    }
}

/// Shares of g·(κ ⊕ μ) = gκ + gμ − 2gκμ for the client's choice κ and the server's μ. Bits below
/// those of 2g need not be sent.
#[inline(always)]
fn mask_times(
    transfer: RingTransfer,
    own: &Plane,
    g: u32,
    out_bits: u32,
    message: &mut Message<'_>,
) -> Ring {
    let own = own.masks();
    let zeros = g.trailing_zeros() + 1;
    let mut share = match out_bits.checked_sub(zeros) {
        None | Some(0) => Ring::default(),
        Some(bits) => {
            let payload = Ring::of(|i| (own[i] & g >> (zeros - 1)).wrapping_neg());
            transfer.times(payload, bits, message)
        }
    };
    share.update(|i, share| share.wrapping_shl(zeros).wrapping_add(own[i] & g));
    share
}

/// A result whose P, R, Z and W are on their way.
pub(super) struct OpenResult {
    own: Planes,
    input: Ring,
    /// Of δ_P·A, and in the end of the result.
    share: Ring,
    masked_sigma: Ring,
    /// ±B + σ, with − if μ_P is 1.
    hidden: Ring,
    masks: Vec<Ring>,
}

impl ResultShares {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, out_bits: u32, side: Side, message: &mut Message<'_>) {
        message.keep(self.own.iter_mut());
        let of_side = match side {
            Side::Client => &mut self.input,
            Side::Server => &mut self.sigma,
        };
        let shares = [&mut self.masked_input, &mut self.masked_sigma];
        let rings = [of_side].into_iter().chain(shares).chain(&mut self.masks);
        rings.for_each(|ring| message.pass_ring(ring, out_bits));
    }

    /// The server's sums `b`: it sends B, hidden.
    #[inline(always)]
    pub(super) fn open(
        self,
        program: &Program,
        b: &[u32],
        side: Side,
        message: &mut Message<'_>,
    ) -> OpenResult {
        let Self { own, mut input, masked_input: share, masked_sigma, sigma: mut hidden, masks } =
            self;
        set_input(program, b, side, &mut input);
        let mu = own[0].masks();
        hidden.update(|i, sigma| sigma.wrapping_add(negate_if(mu[i], input[i])));
        message.pass_ring(&mut hidden, program.out_bits);
        OpenResult { own, input, share, masked_sigma, hidden, masks }
    }
}

impl OpenResult {
    /// μ of a bit for the server, 0 for the client.
    #[inline(always)]
    pub(super) fn mask_of_server(&self, bit: usize, side: Side) -> Plane {
        side.of_server(self.own[bit])
    }

    /// The client has P, Z, W and R, each plus the server's mask, in `bits`: it sends them with its
    /// own masks on top, and its share less `values`, the masks of its results. The `values` of the
    /// server become the results less those, modulo 2^32.
    #[inline(always)]
    pub(super) fn close(
        mut self,
        program: &Program,
        mut bits: [Plane; MOST_OPENED],
        values: &mut [u32],
        side: Side,
        message: &mut Message<'_>,
    ) {
        for (bit, own) in bits.iter_mut().zip(&*self.own) {
            *bit = message.pass(*bit ^ *own);
        }
        self.add_input(bits[0], side);
        self.add_masks(program, &bits[1..], side);
        let Self { mut share, hidden: mut sent, .. } = self;
        let lanes = share.iter_mut().zip(values);
        match side {
            Side::Client => {
                lanes.for_each(|(share, r)| *share = share.wrapping_sub(*r));
                message.pass_ring(&mut share, program.out_bits);
            }
            Side::Server => {
                message.pass_ring(&mut sent, program.out_bits);
                let lanes = lanes.zip(&*sent);
                lanes.for_each(|((share, result), sent)| *result = share.wrapping_add(*sent));
            }
        }
    }

    /// Makes a share of δ_P·A one of P·A + P·B.
    #[inline(always)]
    fn add_input(&mut self, bar: Plane, side: Side) {
        let Self { own, input, share, masked_sigma, hidden, .. } = self;
        // κ_P(1 − 2μ_P)B = κ_P(±B + σ) − κ_P·σ.
        let product = if let Side::Client = side { hidden } else { &*input };
        let (own, bar) = (own[0].masks(), bar.masks());
        share.update(|i, masked| {
            let masked = masked.wrapping_add(own[i] & product[i]).wrapping_sub(masked_sigma[i]);
            (bar[i] & input[i]).wrapping_add(negate_if(bar[i], masked))
        });
    }

    /// R − 2^c·W + (2^c − 1)·(1 − Z); nothing of a maximum.
    #[inline(always)]
    fn add_masks(&mut self, program: &Program, bars: &[Plane], side: Side) {
        if program.is_maximum() {
            return;
        }
        let constant = u32::from(side == Side::Server);
        for (number, ((g, mask), bar)) in factors(program).zip(&self.masks).zip(bars).enumerate() {
            // Z and W are subtracted, R is added.
            let (bar, sign) = (bar.masks(), if number < 2 { u32::MAX } else { 0 });
            self.share.update(|i, share| {
                let term = (bar[i] & (g * constant)).wrapping_add(negate_if(bar[i], mask[i]));
                share.wrapping_add(negate_if(sign, term))
            });
        }
        let most = (1 << program.digits.result_bits()) - 1;
        self.share.update(|_, share| share.wrapping_add(most * constant));
    }
}
