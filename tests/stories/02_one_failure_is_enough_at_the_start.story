# In unknown one failure makes a backend down at once, where the server cannot carry flows yet.

check web interval=2s rise=3 fall=3
backend b1 10.0.0.1 check=web
frontend www 192.0.2.1 primary: b1=100

start
t=0s     probe b1 L4TOUT
         expect told b1 unknown -> down L4TOUT www 0->0
         expect b1 down h=0/5
         expect www down

# A paused server keeps its flows, so after a resume it takes as many failures as ever.
t=1s     operator pause b1
         expect told b1 down -> paused paused by alice www 0->0
t=2s     operator resume b1
         expect told b1 paused -> unknown resumed by alice www 0->0
         expect b1 unknown h=5/5 every=2s
         probe b1 L4TOUT
         probe b1 L4TOUT
         expect b1 unknown h=3/5
         expect told nothing
         probe b1 L4TOUT
         expect told b1 unknown -> down L4TOUT www 0->0 flush
