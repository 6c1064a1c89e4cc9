//! From the bits P, R, Z and W to the result in a ring.
//!
//! Of each bit the two parties see the sum with a mask κ of the client's and a mask μ of the
//! server's, so P = P̄ ± δ for δ = κ ⊕ μ, with − if P̄ is 1; the products with δ are shared
//! beforehand. Of a maximum of x₁ and x₂ there is only Z, in the place of P.

use rand::{CryptoRng, RngExt};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Side;
use super::message::Message;
use super::plane::{Plane, Ring, negate_if, ring};
use super::program::Program;
use super::transfer::RingTransfer;

/// What a result's preparation begins with.
pub(super) struct ResultTransfers {
    /// μ_P is the server's choice.
    server: RingTransfer,
    /// κ of each bit is the client's choice.
    client: Vec<RingTransfer>,
    /// Of the bits P, Z, W and R: κ for the client, μ for the server.
    pub(super) own: Vec<Plane>,
    /// The client's A; 0 for the server.
    input: Ring,
}

/// The same with shares of δ_P·A.
pub(super) struct HalfResult {
    client: Vec<RingTransfer>,
    shares: ResultShares,
}

/// A result, prepared.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ResultShares {
    own: Vec<Plane>,
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

/// What P is multiplied with, of a value `a` of the client's.
fn input_of_client(program: &Program, a: u32) -> u32 {
    let most = (1 << program.digits.result_bits()) - 1;
    match program.is_maximum() {
        true => a.wrapping_neg(),
        false => (a >> program.digits.shift() & most).wrapping_sub(most),
    }
}

/// The same of a value `b` of the server's.
fn input_of_server(program: &Program, b: u32) -> u32 {
    let most = (1 << program.digits.result_bits()) - 1;
    match program.is_maximum() {
        true => b.wrapping_neg(),
        false => b >> program.digits.shift() & most,
    }
}

/// g: what Z, W and R are multiplied by.
fn factors(program: &Program) -> impl Iterator<Item = u32> {
    let c = program.digits.result_bits();
    [(1 << c) - 1, 1 << c, 1].into_iter().take(program.opened() - 1)
}

impl ResultTransfers {
    /// With the server's choice in `server`, the client's in `client`; `a` are the client's sums
    /// (nothing for the server).
    pub(super) fn new(
        program: &Program,
        a: &[u32],
        server: RingTransfer,
        client: Vec<RingTransfer>,
        side: Side,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let own = client.iter().enumerate().map(|(bit, client)| match side {
            Side::Client => client.choice(),
            Side::Server if bit == 0 => server.choice(),
            Side::Server => Plane(rng.random()),
        });
        let own = own.collect();
        let input = ring(|i| match (side, a.get(i)) {
            (Side::Client, Some(&a)) => input_of_client(program, a),
            _ => 0,
        });
        Self { server, own, client, input }
    }

    /// The client sends.
    pub(super) fn up(self, program: &Program, message: &mut Message<'_>) -> HalfResult {
        let Self { server, client, own, input } = self;
        let kappa = own[0].masks();
        let payload = ring(|i| negate_if(kappa[i], input[i]));
        let mut masked_input = server.times(payload, program.out_bits, message);
        for ((share, kappa), input) in masked_input.iter_mut().zip(&*kappa).zip(&*input) {
            *share = share.wrapping_add(kappa & input);
        }
        let zeros = || ring(|_| 0);
        let (masked_sigma, sigma, masks) = (zeros(), zeros(), Vec::new());
        let shares = ResultShares { own, input, masked_input, masked_sigma, sigma, masks };
        HalfResult { client, shares }
    }
}

impl HalfResult {
    /// The server sends.
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
        None | Some(0) => ring(|_| 0),
        Some(bits) => {
            let payload = ring(|i| (own[i] & g >> (zeros - 1)).wrapping_neg());
            transfer.times(payload, bits, message)
        }
    };
    for (share, own) in share.iter_mut().zip(&*own) {
        *share = share.wrapping_shl(zeros).wrapping_add(own & g);
    }
    share
}

/// A result whose P, R, Z and W are on their way.
pub(super) struct OpenResult {
    shares: ResultShares,
    /// ±B + σ, with − if μ_P is 1.
    hidden: Ring,
}

impl ResultShares {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, out_bits: u32, side: Side, message: &mut Message<'_>) {
        message.keep(&mut self.own);
        let of_side = match side {
            Side::Client => &mut self.input,
            Side::Server => &mut self.sigma,
        };
        let shares = [&mut self.masked_input, &mut self.masked_sigma];
        let rings = [of_side].into_iter().chain(shares).chain(&mut self.masks);
        rings.for_each(|ring| message.keep_ring(ring, out_bits));
    }

    /// The server's sums `b`: it sends B, hidden.
    pub(super) fn open(
        mut self,
        program: &Program,
        b: &[u32],
        side: Side,
        message: &mut Message<'_>,
    ) -> OpenResult {
        if let Side::Server = side {
            self.input = ring(|i| b.get(i).map_or(0, |&b| input_of_server(program, b)));
        }
        let mu = self.own[0].masks();
        let payload = ring(|i| negate_if(mu[i], self.input[i]).wrapping_add(self.sigma[i]));
        let hidden = message.pass_ring(payload, program.out_bits);
        OpenResult { shares: self, hidden }
    }
}

impl OpenResult {
    /// μ of a bit for the server, 0 for the client.
    pub(super) fn mask_of_server(&self, bit: usize, side: Side) -> Plane {
        side.of_server(self.shares.own[bit])
    }

    /// The client has P, Z, W and R, each plus the server's mask, in `bits`: it sends them with its
    /// own masks on top, and its share less `r`. What the server gets is the result less `r`, modulo
    /// 2^32; the client's is meaningless.
    pub(super) fn close(
        self,
        program: &Program,
        bits: &[Plane],
        r: &[u32],
        side: Side,
        message: &mut Message<'_>,
    ) -> Ring {
        let own = &self.shares.own;
        let bars = bits.iter().zip(own).map(|(bit, own)| message.pass(*bit ^ *own).masks());
        let bars: Vec<Ring> = bars.collect();
        let mut share = self.input_share(&bars[0], side);
        self.add_masks(program, &mut share, &bars, side);
        let r = |i: usize| r.get(i).copied().unwrap_or(0);
        let sent = ring(|i| share[i].wrapping_sub(r(i)));
        let sent = message.pass_ring(sent, program.out_bits);
        ring(|i| share[i].wrapping_add(sent[i]))
    }

    /// P·A + P·B.
    fn input_share(&self, bar: &Ring, side: Side) -> Ring {
        let ResultShares { own, input, masked_input, masked_sigma, .. } = &self.shares;
        let own = own[0].masks();
        // κ_P(1 − 2μ_P)B = κ_P(±B + σ) − κ_P·σ.
        let product = match side {
            Side::Client => &self.hidden,
            Side::Server => input,
        };
        ring(|i| {
            let masked = masked_input[i].wrapping_add(own[i] & product[i]);
            let masked = masked.wrapping_sub(masked_sigma[i]);
            (bar[i] & input[i]).wrapping_add(negate_if(bar[i], masked))
        })
    }

    /// R − 2^c·W + (2^c − 1)·(1 − Z); nothing of a maximum.
    fn add_masks(&self, program: &Program, share: &mut Ring, bars: &[Ring], side: Side) {
        if program.is_maximum() {
            return;
        }
        let constant = u32::from(side == Side::Server);
        let terms = factors(program).zip(&self.shares.masks).zip(&bars[1..]).enumerate();
        for (number, ((g, mask), bar)) in terms {
            // Z and W are subtracted, R is added.
            let sign = if number < 2 { u32::MAX } else { 0 };
            *share = ring(|i| {
                let public = bar[i] & (g * constant);
                let term = public.wrapping_add(negate_if(bar[i], mask[i]));
                share[i].wrapping_add(negate_if(sign, term))
            });
        }
        let most = (1 << program.digits.result_bits()) - 1;
        *share = ring(|i| share[i].wrapping_add(most * constant));
    }
}
