# A backend that answers every other time keeps its state: only results in a row change it, as in HAProxy.

check web interval=2s fast-interval=500ms rise=2 fall=3
backend b1 10.0.0.1 check=web
frontend www 192.0.2.1 primary: b1=100
history 2

start
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect b1 up h=4/4 every=2s
t=2s     probe b1 L4TOUT
         expect b1 up h=3/4 every=500ms
         probe b1 L4OK
         expect b1 up h=4/4 every=2s
         probe b1 L4TOUT
         probe b1 L4OK
         probe b1 L4TOUT
         expect b1 up h=3/4 every=500ms
         expect told nothing

# Two failures of three are not three in a row. A void result does not end the row.
t=10s    probe b1 L4OK
         probe b1 L4TOUT
         probe b1 L4TOUT
         probe b1 L4OK
         probe b1 L4TOUT
         probe b1 L4TOUT
         expect b1 up h=2/4
         probe b1 late
         expect told nothing
         probe b1 L4TOUT
         expect told b1 up -> down L4TOUT www 100->0 flush
         expect b1 down h=0/4

# Down, it stays down while it answers every other time only.
t=20s    probe b1 L4OK
         expect b1 down h=1/4 every=500ms
         probe b1 L4TOUT
         expect b1 down h=0/4
         probe b1 L4OK
         probe b1 late
         probe b1 L4OK
         expect told b1 down -> up L4OK www 0->100
         expect b1 up h=4/4

# The history keeps the newest two.
         expect b1 up history=up,down
